import { deadline, monotonicMs, sleep } from '@till/shared/clock';
import { createHandler } from '@till/shared/handler';
import { json, type Listening, serve } from '@till/shared/serve';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { append, probe } from '../test/lab.ts';
import { shopEntries } from '../test/shop.ts';
import { orderLimits } from './limits.ts';
import { peerContract } from './peer-contract.ts';
import { received, toSend } from './peer-messages.ts';
import { createPeers, type Peers } from './peers.ts';
import type { Message } from './replica/types.ts';

const { answerHeldMs } = orderLimits;
const NOWHERE = 'http://127.0.0.1:9';
const refuse = (term: number): Message => ({ type: 'refuse', term });

type Heard = { from: number; message: Message };
const created: Peers[] = [];
const servers: Listening[] = [];
test.after.each(async () => {
  for (const peers of created.splice(0)) await peers.close();
  for (const server of servers.splice(0)) await server.close();
});

/** The messages of replica `id`, by default 1 of 1, 2 and 3. `react` is its core. */
const create = (options: { id?: number; urls?: Map<number, string>; react?: (heard: Heard, peers: Peers) => void }) => {
  const { id = 1, urls = new Map([1, 2, 3].map((peer) => [peer, NOWHERE])), react } = options;
  const heard: Heard[] = [];
  const clock = { ms: 0 };
  const peers = createPeers({
    id,
    urls,
    now: () => clock.ms,
    onMessage(from, message) {
      heard.push({ from, message });
      react?.({ from, message }, peers);
    },
  });
  created.push(peers);
  return { peers, heard, clock };
};

/** A replica's address, where `receive` is called with each message. */
const listen = async (receive: (heard: Heard) => Promise<Message | null>): Promise<string> => {
  const handler = createHandler(peerContract.message, async ({ body }) => {
    const answer = await receive({ from: body.from, message: received(body) });
    return answer === null ? { message: null, lines: [] } : toSend(answer);
  });
  const server = await serve({ fetch: handler, port: 0, hostname: '127.0.0.1' });
  servers.push(server);
  return server.url;
};

const soon = <Value>(promise: Promise<Value>): Promise<Value> => deadline(promise, 10_000);
const until = async (condition: () => boolean): Promise<void> => {
  for (const endMs = monotonicMs() + 10_000; !condition(); await sleep(1)) {
    if (monotonicMs() > endMs) throw new Error('This did not happen in time');
  }
};
/** What has come back so far, in order; `null` for an empty answer. */
const collect = (promises: Promise<Message | null>[]) => {
  const collected: [number, Message | null][] = [];
  promises.forEach((promise, at) => {
    promise.then((message) => collected.push([at, message]));
  });
  return collected;
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a message and what comes back to it are one exchange, whole on both sides', async () => {
  const entries = shopEntries(3);
  const message = append(entries, 0);
  const follower = create({});
  const url = await listen(({ from, message }) => follower.peers.answer(from, message));
  const leader = create({ id: 3, urls: new Map([[1, url]]) });
  leader.peers.send(1, message);
  await until(() => follower.heard.length === 1);
  assert.equal(follower.heard, [{ from: 3, message }]);
  await sleep(20);
  assert.equal(leader.heard, [], 'held until the follower has something to say');
  follower.peers.send(3, refuse(4));
  await until(() => leader.heard.length === 1);
  assert.equal(leader.heard, [{ from: 1, message: refuse(4) }]);
});

test('what the core says at once goes back with the request that made it say so', async () => {
  const { peers } = create({ react: ({ from }, own) => own.send(from, refuse(9)) });
  assert.equal(await soon(peers.answer(2, probe())), refuse(9));
});

test('a message to one peer does not go back to another', async () => {
  const { peers } = create({});
  const collected = collect([peers.answer(2, probe()), peers.answer(3, probe())]);
  peers.send(3, refuse(4));
  await turn();
  assert.equal(collected, [[1, refuse(4)]]);
});

test('of several requests of one peer the oldest takes the message, and none is left waiting', async () => {
  const { peers } = create({});
  const collected = collect([peers.answer(3, probe()), peers.answer(3, probe()), peers.answer(3, probe())]);
  peers.send(3, refuse(4));
  await turn();
  assert.equal(
    collected.sort(([a], [b]) => a - b),
    [
      [0, refuse(4)],
      [1, null],
      [2, null],
    ],
  );
});

test('a request goes back empty when it has waited long enough, each in its own time', async () => {
  const { peers, clock } = create({});
  const early = peers.answer(3, probe());
  clock.ms = 500;
  const collected = collect([early, peers.answer(3, probe()), peers.answer(2, probe())]);
  clock.ms = answerHeldMs - 1;
  peers.sweep();
  await turn();
  assert.equal(collected, []);
  clock.ms = answerHeldMs;
  peers.sweep();
  await turn();
  assert.equal(collected, [[0, null]]);
  peers.send(3, refuse(4));
  await turn();
  assert.equal(collected, [
    [0, null],
    [1, refuse(4)],
  ]);
  clock.ms = 500 + answerHeldMs;
  peers.sweep();
  await turn();
  assert.equal(collected.at(-1), [2, null]);
});

test('a message goes out by itself when no request of its receiver is held', async () => {
  const received: Heard[] = [];
  const url = await listen(async (heard) => {
    received.push(heard);
    return null;
  });
  const { peers, heard, clock } = create({ urls: new Map([[3, url]]) });
  void peers.answer(3, probe());
  clock.ms = answerHeldMs;
  peers.sweep();
  peers.send(3, refuse(4));
  await until(() => received.length === 1);
  assert.equal(received, [{ from: 1, message: refuse(4) }]);
  void peers.answer(3, probe());
  peers.send(3, refuse(5));
  peers.send(3, refuse(6));
  await until(() => received.length === 2);
  assert.equal(received[1], { from: 1, message: refuse(6) }, 'a held request takes one message only');
  assert.is(heard.length, 2, 'an empty answer is no message');
});

test('who is no peer is answered at once, and the core does not hear of it', async () => {
  const { peers, heard } = create({});
  assert.is(await soon(peers.answer(4, probe())), null);
  assert.is(await soon(peers.answer(1, probe())), null, 'nor is this replica its own peer');
  assert.equal(heard, []);
  peers.send(4, refuse(4));
  peers.send(1, refuse(4));
});

test('a peer that is away, or answers what is no message, is silence', async () => {
  let asked = 0;
  const server = await serve({
    fetch: () => {
      asked += 1;
      return json(200, { message: { type: 'refuse' } });
    },
    port: 0,
    hostname: '127.0.0.1',
  });
  const { peers, heard } = create({
    urls: new Map([
      [2, NOWHERE],
      [3, server.url],
    ]),
  });
  peers.send(2, refuse(4));
  peers.send(3, refuse(4));
  await until(() => asked === 1);
  await server.close();
  peers.send(3, refuse(5));
  await sleep(50);
  assert.equal(heard, []);
});

test('closing ends every request that is held; nothing is sent or taken afterwards', async () => {
  let release = (): void => undefined;
  let received = 0;
  const url = await listen(async () => {
    received += 1;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return refuse(9);
  });
  const { peers, heard } = create({ urls: new Map([2, 3].map((peer) => [peer, url])) });
  peers.send(2, refuse(4));
  await until(() => received === 1);
  const collected = collect([peers.answer(2, probe()), peers.answer(3, probe()), peers.answer(3, probe())]);
  await soon(peers.close());
  await turn();
  assert.equal(
    collected.map(([, message]) => message),
    [null, null, null],
  );
  assert.is(await soon(peers.answer(3, probe())), null);
  peers.send(3, refuse(5));
  release();
  await sleep(20);
  assert.is(received, 1);
  assert.is(heard.length, 3);
});

test.run();
