/** The serving side of links: each request of a frame is handled by the very `fetch` that handles those over HTTP. */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { limits } from './limits.ts';
import { createFrameReader, LINK_PROTOCOL, openFrame, writeFrame } from './link.ts';
import { encodedBody } from './reply.ts';

export type LinkServer = {
  /** Ends each link as soon as nothing is under way on it. */
  endIdle(): void;
  /** Ends all of them at once. */
  destroyAll(): void;
};

type Link = { socket: Socket; underWay: number };

/** `fetch` never rejects. `origin`: what the paths of requests are put behind. */
export const acceptLinks = (
  server: Server,
  { fetch, origin }: { fetch(request: Request): Response | Promise<Response>; origin: string },
): LinkServer => {
  const links = new Set<Link>();
  let isEnding = false;

  const endIfIdle = ({ socket, underWay }: Link): void => {
    if (isEnding && underWay === 0) socket.end();
  };

  const answer = async (link: Link, text: string): Promise<void> => {
    const { head, body } = openFrame(text);
    const [id = '', method = '', path = ''] = head.split(' ');
    link.underWay += 1;
    const response = await fetch(new FrameRequest(method, origin + path, body) as unknown as Request);
    const said = encodedBody(response) ?? (await response.text());
    link.underWay -= 1;
    if (link.socket.writable) writeFrame(link.socket, `${id} ${response.status}\n${said}`);
    endIfIdle(link);
  };

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, first: Buffer) => {
    const socket = stream as Socket;
    if (request.headers.upgrade !== LINK_PROTOCOL || isEnding) return void socket.destroy();
    const link: Link = { socket, underWay: 0 };
    links.add(link);
    const read = createFrameReader({ bytesMax: limits.internalBodyBytesMax });
    const take = (chunk: Buffer): void => {
      try {
        for (const text of read(chunk)) void answer(link, text);
      } catch {
        socket.destroy();
      }
    };
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('error', () => socket.destroy());
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
