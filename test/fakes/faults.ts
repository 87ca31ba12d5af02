/** Faults to switch on in the servers that stand for other people's programs. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What goes wrong with one request. Of `hang`, `drop` and `status` the first that is given counts; with none of them the
 * request is answered as it should be, after `delayMs`.
 */
export type Fault = {
  /** Waits so long first. */
  delayMs?: number;
  /** The request has its effect before it goes wrong. */
  afterEffect?: boolean;
  /** No answer, until the caller gives up or the server is closed. */
  hang?: boolean;
  /** The connection is cut. */
  drop?: boolean;
  status?: number;
  headers?: Record<string, string>;
  /** Text of the answer with `status`. */
  body?: string;
};

export type Faults = {
  /** The next `count` requests go wrong like this; called again, those after them. */
  next(count: number, fault: Fault): void;
  /** Every request goes wrong like this, once those of `next` are through. */
  always(fault: Fault): void;
  /** Nothing goes wrong any more. */
  clear(): void;
  /** The fault of the request that has just come. */
  take(): Fault | null;
};

export const createFaults = (): Faults => {
  let queue: { left: number; fault: Fault }[] = [];
  let constant: Fault | null = null;
  return {
    next(count, fault) {
      queue.push({ left: count, fault });
    },
    always(fault) {
      constant = fault;
    },
    clear() {
      queue = [];
      constant = null;
    },
    take() {
      const [first] = queue;
      if (first === undefined) return constant;
      first.left -= 1;
      if (first.left <= 0) queue.shift();
      return first.fault;
    },
  };
};

export type Answer = { status: number; headers?: Record<string, string>; body: string };

/** Answers one request: as `effect` says, which does what the request asks for, or as the fault says. */
export const answerWith = async (
  fault: Fault | null,
  request: IncomingMessage,
  response: ServerResponse,
  effect: () => Answer,
): Promise<void> => {
  if (fault?.delayMs !== undefined) await new Promise((done) => setTimeout(done, fault.delayMs));
  const isBroken = fault?.hang === true || fault?.drop === true || fault?.status !== undefined;
  const answer = !isBroken || fault?.afterEffect === true ? effect() : null;
  if (fault?.hang === true) return;
  if (fault?.drop === true) return void request.socket.destroy();
  const { status, headers, body } =
    fault?.status === undefined
      ? (answer as Answer)
      : { status: fault.status, headers: fault.headers, body: fault.body ?? '' };
  response.writeHead(status, headers).end(body);
};

export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** Lets a server of `node:http` listen on loopback; `close` ends its connections too. */
export const listen = async (server: Server, port = 0): Promise<{ url: string; close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
