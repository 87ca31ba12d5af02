/** The floor: Node's own HTTP server, with nothing in it but an answer. A process of its own; its argument is the port. */
import { createServer, type ServerResponse } from 'node:http';
import { productAnswer } from './bench-goods.ts';

let ordersTaken = 0;

const answer = (response: ServerResponse, text: string): void => {
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method === 'GET') return answer(response, productAnswer);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const order = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { name?: unknown; quantity?: unknown };
    if (typeof order.name !== 'string' || typeof order.quantity !== 'number') response.statusCode = 400;
    answer(response, `{"data":{"order_number":${ordersTaken}}}`);
    ordersTaken += 1;
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
