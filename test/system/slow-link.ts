/** A connection that is not as quick as loopback: bytes come later, each connection by its own delay; or it breaks. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type SlowLink = {
  /** Breaks every connection whose first request begins so. */
  breakOff(requestLine: string): number;
  close(): Promise<void>;
};

/** Forwards `port` to `target`. What comes back is held for `delayMs` of the connection's first request line. */
export const openSlowLink = async (options: {
  port: number;
  target: number;
  delayMs: (requestLine: string) => number;
}): Promise<SlowLink> => {
  const open = new Map<Socket, string>();
  const server = createServer((caller) => {
    const service = connect(options.target, '127.0.0.1');
    let requestLine = '';
    open.set(caller, requestLine);
    caller.on('data', (chunk) => {
      if (requestLine === '') requestLine = chunk.toString('latin1').split('\r\n', 1)[0] ?? '';
      open.set(caller, requestLine);
      service.write(chunk);
    });
    // In order: timers of one length end in the order in which they began, others wait for the one before.
    let before = Promise.resolve();
    service.on('data', (chunk) => {
      const due = new Promise((resolve) => setTimeout(resolve, options.delayMs(requestLine)));
      before = Promise.all([before, due]).then(() => void (caller.destroyed || caller.write(chunk)));
    });
    const end = () => {
      open.delete(caller);
      caller.destroy();
      service.destroy();
    };
    for (const socket of [caller, service]) socket.on('close', end).on('error', end);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    breakOff(requestLine) {
      const found = [...open].filter(([, line]) => line.startsWith(requestLine));
      for (const [socket] of found) socket.destroy();
      return found.length;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open.keys()) socket.destroy();
      }),
  };
};

/** A port that nobody uses at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
