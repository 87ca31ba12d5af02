/** A front for the client's tests: a little shop in memory, and faults to order. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

type Order = { number: number; name: string; quantity: number };

export type FakeFront = {
  url: string;
  /** Every request, as `POST /orders`. */
  requests: { what: string; key: string | undefined; body: unknown }[];
  connections: number;
  orders: Order[];
  close(): Promise<void>;
};

/** Answers before the shop does: a status to send, `drop` to cut the connection after the shop did its work. */
export type Fault = (
  what: string,
  count: number,
) => { status: number; retryAfter?: number; reason?: string } | 'drop' | null;

export const startFakeFront = async ({
  stock = 1000,
  endless = false,
  fault = () => null,
  tell = (order: Order): unknown => order,
  number = (at: number): number => at,
}: {
  stock?: number;
  /** Orders take nothing away. */
  endless?: boolean;
  fault?: Fault;
  /** What is told of an order. */
  tell?: (order: Order) => unknown;
  /** The number that the n-th order is given. */
  number?: (at: number) => number;
} = {}): Promise<FakeFront> => {
  const products = new Map(['Fox', 'Tux', 'Red Panda'].map((name) => [name, stock]));
  const byKey = new Map<string, Order>();
  const sockets = new Set<Socket>();
  const front: FakeFront = { url: '', requests: [], connections: 0, orders: [], close: async () => {} };

  const answer = (response: ServerResponse, status: number, value: unknown, headers = {}): ServerResponse =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  const problem = (status: number, reason: string) => ({ error: { code: status, message: reason, reason } });

  const place = (key: string, { name, quantity }: { name: string; quantity: number }): Order | null => {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const left = products.get(name) ?? 0;
    if (quantity > left) return null;
    if (!endless) products.set(name, left - quantity);
    const order = { number: number(front.orders.length), name, quantity };
    front.orders.push(order);
    byKey.set(key, order);
    return order;
  };

  const respond = (
    what: string,
    path: string,
    key: string,
    body: unknown,
    response: ServerResponse,
  ): ServerResponse => {
    if (what === 'GET /products') {
      return answer(response, 200, { data: [...products.keys()].map((name) => ({ name, price: 1, quantity: 1 })) });
    }
    if (path.startsWith('/products/')) {
      const name = decodeURIComponent(path.slice('/products/'.length));
      return answer(response, 200, { data: { name, price: 1, quantity: products.get(name) } });
    }
    if (what === 'POST /orders') {
      const order = place(key, body as Order);
      if (order === null) return answer(response, 400, problem(400, 'out_of_stock'));
      return answer(response, 200, { data: { order_number: order.number } });
    }
    if (path === '/cluster') {
      return answer(response, 200, { data: { cache: { hits: front.requests.length, misses: 1 } } });
    }
    const order = front.orders.find((one) => path === `/orders/${one.number}`);
    if (order === undefined || tell(order) === null) return answer(response, 404, problem(404, 'unknown_order'));
    return answer(response, 200, { data: tell(order) });
  };

  const server = createServer(async (request: IncomingMessage, response) => {
    const path = request.url ?? '';
    const what = `${request.method} ${path}`;
    let text = '';
    for await (const chunk of request) text += chunk;
    const key = request.headers['idempotency-key'];
    const body: unknown = text === '' ? null : JSON.parse(text);
    front.requests.push({ what, key: typeof key === 'string' ? key : undefined, body });
    const trouble = fault(what, front.requests.filter((one) => one.what === what).length);
    if (trouble === 'drop') {
      place(String(key), body as Order);
      request.socket.destroy();
      return;
    }
    if (trouble !== null) {
      const headers = trouble.retryAfter === undefined ? {} : { 'retry-after': String(trouble.retryAfter) };
      answer(response, trouble.status, problem(trouble.status, trouble.reason ?? 'trouble'), headers);
      return;
    }
    respond(what, path, String(key), body, response);
  });
  server.on('connection', (socket) => {
    front.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  front.close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  };
  return front;
};
