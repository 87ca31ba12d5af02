/**
 * The serving side of links: each request of a frame is handled by the very `fetch` that handles those over HTTP. Only what
 * is whole fits into a frame: an answer that is a stream, or too long, becomes a 500, and the link lives on.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problem } from './errors.ts';
import { limits } from './limits.ts';
import { createFrameReader, type FramedRequest, LINK_PROTOCOL, openRequest, writeFrame } from './link.ts';
import { encodedBody } from './reply.ts';

export type LinkServer = {
  /** Ends each link as soon as nothing is under way on it. */
  endIdle(): void;
  /** Ends all of them at once. */
  destroyAll(): void;
};

type Link = { socket: Socket; underWay: number };

/** `fetch` should not reject: that would end the link. `origin`: what the paths of requests are put behind. */
export const acceptLinks = (
  server: Server,
  options: {
    fetch(request: Request): Response | Promise<Response>;
    origin: string;
    /** Hears of answers that fit no frame. */
    onError?: ((error: unknown) => void) | undefined;
  },
): LinkServer => {
  const { fetch, origin, onError } = options;
  const links = new Set<Link>();
  let isEnding = false;

  const endIfIdle = ({ socket, underWay }: Link): void => {
    if (isEnding && underWay === 0) socket.end();
  };

  const answer = async (link: Link, { id, method, path, body }: FramedRequest): Promise<void> => {
    link.underWay += 1;
    const response = await fetch(new FrameRequest(method, origin + path, body) as unknown as Request);
    link.underWay -= 1;
    const text = answerText(id, response, onError);
    if (link.socket.writable) writeFrame(link.socket, text);
    endIfIdle(link);
  };

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, first: Buffer) => {
    const socket = stream as Socket;
    if (request.headers.upgrade !== LINK_PROTOCOL || isEnding) return void socket.destroy();
    const link: Link = { socket, underWay: 0 };
    links.add(link);
    const read = createFrameReader({ bytesMax: limits.internalBodyBytesMax });
    const end = (): void => void socket.destroy();
    const take = (chunk: Buffer): void => {
      try {
        for (const text of read(chunk)) answer(link, openRequest(text)).catch(end);
      } catch {
        end();
      }
    };
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('error', end);
    socket.on('close', () => links.delete(link));
    socket.on('data', take);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINK_PROTOCOL}\r\n\r\n`);
    if (first.length > 0) take(first);
  });

  return {
    endIdle() {
      isEnding = true;
      for (const link of links) endIfIdle(link);
    },
    destroyAll() {
      for (const { socket } of links) socket.destroy();
    },
  };
};

const answerText = (id: string, response: Response, onError?: (error: unknown) => void): string => {
  const refusal = (why: string): string => {
    onError?.(new Error(why));
    return `${id} 500\n${encodedBody(problem(500, 'internal', why))}`;
  };
  const said = encodedBody(response);
  if (said === null) {
    // It may be a stream without an end. Whoever makes it hears that nobody reads it.
    response.body?.cancel().catch(() => {});
    return refusal('Cannot answer on a link: the answer is no text');
  }
  const text = `${id} ${response.status}\n${said}`;
  if (Buffer.byteLength(text) <= limits.internalBodyBytesMax) return text;
  return refusal(`Cannot answer on a link: the answer is too long, over ${limits.internalBodyBytesMax} bytes`);
};

const NO_HEADERS = new Headers();

/** As much of a `Request` as the handlers of our services look at. */
class FrameRequest {
  readonly method: string;
  readonly url: string;
  readonly headers = NO_HEADERS;
  readonly #body: string;
  constructor(method: string, url: string, body: string) {
    this.method = method;
    this.url = url;
    this.#body = body;
  }
  async text(): Promise<string> {
    return this.#body;
  }
}
