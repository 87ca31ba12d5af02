/**
 * A server that breaks connections on purpose, at the level of bytes: it says what arrives and does what its argument says
 * with it.
 */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** `request` counts from 1 over all connections. */
export type Answerer = (socket: Socket, request: number) => void;

export type RawServer = { url: string; requests(): number; close(): Promise<void> };

export const startRawServer = async (answer: Answerer): Promise<RawServer> => {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (!received.includes('\r\n\r\n')) return;
      received = '';
      requests += 1;
      answer(socket, requests);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

export const httpAnswer = (body: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
