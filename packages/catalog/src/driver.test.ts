import { deadline } from '@till/shared/clock';
import type { CatalogDecision } from '@till/shared/contract';
import { Problem } from '@till/shared/errors';
import { JournalDamaged } from '@till/shared/journal';
import { cancelKey, checkoutKey, noteKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import type { Movement, Placed, PlacedOrder, SeedProduct } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BatchMeasures, createDriver, type Driver, seedMovements } from './driver.ts';
import type { MovementJournal } from './movement-journal.ts';
import { applyMovement, createStock } from './stock/apply.ts';
import type { Stock } from './stock/types.ts';

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true },
  { name: 'Tux', kind: 'toy', price: 9.5, quantity: 5, restock: true },
];

/** A journal in memory whose disk answers when the test says so. */
const createDisk = () => {
  const stored: Movement[] = [];
  const waiting: { movements: Movement[]; resolve(): void; reject(error: Error): void }[] = [];
  let held = false;
  const disk = {
    stored,
    waiting,
    hold: () => {
      held = true;
    },
    release: () => {
      held = false;
      for (const { movements, resolve } of waiting.splice(0)) {
        stored.push(...movements);
        resolve();
      }
    },
    journal: {
      append: (movements) =>
        new Promise<void>((resolve, reject) => {
          waiting.push({ movements: [...movements], resolve, reject });
          if (!held) disk.release();
        }),
      after: async (after, { linesMax }) => {
        const lines = stored.slice(after, after + linesMax).map((movement) => JSON.stringify(movement));
        return { lines, more: after + lines.length < stored.length };
      },
      movement: (sequence) => stored[sequence - 1] as Movement,
      close: async () => {},
    } satisfies MovementJournal,
  };
  return disk;
};

type World = {
  driver: Driver;
  stock: Stock;
  disk: ReturnType<typeof createDisk>;
  /** What happened in the eyes of others, in order. */
  events: string[];
  batches: BatchMeasures[];
  failures: unknown[];
};

const createWorld = async (): Promise<World> => {
  const disk = createDisk();
  const stock = createStock(disk.journal.movement);
  const events: string[] = [];
  const batches: BatchMeasures[] = [];
  const failures: unknown[] = [];
  const movements = seedMovements(stock, seed, 1);
  await disk.journal.append(movements);
  for (const movement of movements) applyMovement(stock, movement);
  const driver = createDriver({
    epoch: 'e',
    journal: disk.journal,
    stock,
    changes: {
      publish: ({ from, to, products }) => {
        events.push(`${from}-${to} ${products.map(({ name, quantity }) => `${name}:${quantity}`).join(' ')}`.trim());
      },
    },
    now: () => 5,
    onBatch: (measures) => batches.push(measures),
    onFailed: (error) => failures.push(error),
  });
  return { driver, stock, disk, events, batches, failures };
};

const order = (key: string, name = 'Fox', quantity = 1): PlacedOrder => ({
  key,
  fingerprint: `print of ${key}`,
  order: { lines: [{ name, quantity }] },
});
const soon = <Value>(promise: Promise<Value>): Promise<Value> => deadline(promise, 10_000);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const problemOf = async (promise: Promise<unknown>): Promise<Problem> => {
  try {
    await soon(promise);
  } catch (error) {
    assert.instance(error, Problem);
    return error as Problem;
  }
  throw new Error('Should have been refused');
};
const sequencesOf = (decision: CatalogDecision): number[] => {
  if (decision.kind !== 'decided') throw new Error(`Not decided: ${decision.kind}`);
  return decision.lines.map((line) => (JSON.parse(line) as Movement).sequence);
};

test('store, then send, then answer; and nobody sees anything before it is stored', async () => {
  const { driver, stock, disk, events } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  events.length = 0;
  disk.hold();
  const answered = driver.place({ term: 1, after: 2, orders: [order('a', 'Fox', 2)] }).then((decision) => {
    events.push('answer');
    return decision;
  });
  await turn();
  assert.is(disk.waiting.length, 1);
  assert.equal(events, []);
  assert.is(stock.product('fox')?.quantity, 5);
  assert.equal(await driver.history({ after: 2, linesMax: 10 }), { lines: [], more: false });
  disk.release();
  const decision = await soon(answered);
  assert.equal(events, ['3-3 Fox:3', 'answer']);
  assert.equal(decision.kind === 'decided' && decision.outcomes, [
    { key: 'a', status: 'accepted', sequence: 3, number: 0, replayed: false },
  ]);
  assert.is(stock.product('fox')?.quantity, 3);
});

test('while one batch is stored the next fills up, and each caller gets its own outcomes', async () => {
  const { driver, disk, batches } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  disk.hold();
  const place = (...orders: Placed[]) => driver.place({ term: 1, after: 2, orders });
  const first = place(order('a'));
  await turn();
  const later = [
    place(order('b'), order('c', 'Tux')),
    place(),
    place(order('d', 'None')),
    place(order('a'), order('e')),
  ];
  await turn();
  assert.is(disk.waiting.length, 1);
  disk.release();
  const decisions = await soon(Promise.all([first, ...later]));
  assert.equal(
    decisions.map(
      (decision) => decision.kind === 'decided' && decision.outcomes.map(({ key, status }) => key + status),
    ),
    [['aaccepted'], ['baccepted', 'caccepted'], [], ['dunknown_product'], ['aaccepted', 'eaccepted']],
  );
  assert.equal(
    batches.map(({ orders, movements }) => [orders, movements.length]),
    [
      [0, 1],
      [1, 1],
      [5, 3],
    ],
  );
  assert.equal(sequencesOf(decisions[0] as CatalogDecision), [3]);
  assert.equal(sequencesOf(decisions[4] as CatalogDecision), [3, 4, 5, 6]);
});

test('whatever is placed is decided in one sequence, and a cancellation is told like an order', async () => {
  const { driver, stock, events, batches } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  const checkout = { id: 'i', lines: [{ name: 'Tux', quantity: 1 }], customer: 'Kim', card: '4242' };
  const note = { sink: 's', after: 0, delivered: 2, dead: [], again: [] };
  const first = driver.place({ term: 1, after: 2, orders: [order('a', 'Fox', 2)] });
  const second = driver.place({
    term: 1,
    after: 2,
    orders: [
      { key: cancelKey('a'), cancel: { of: 'a' } },
      { key: 'c', fingerprint: 'f', checkout },
      { key: noteKey('s'), note },
      { key: noteKey('s'), note },
      order(checkoutKey('i'), 'Tux'),
    ],
  });
  await soon(first);
  const decision = await soon(second);
  assert.equal(decision.kind === 'decided' && decision.outcomes, [
    { key: 'cancel a', status: 'cancelled', sequence: 4, number: 0, replayed: false },
    { key: 'c', status: 'queued', sequence: 5, id: 'i', replayed: false },
    { key: 'note s', status: 'noted', sequence: 6 },
    { key: 'note s', status: 'stale', sequence: 6 },
    { key: 'checkout i', status: 'accepted', sequence: 7, number: 1, replayed: false },
  ]);
  assert.equal(sequencesOf(decision), [3, 4, 5, 6, 7]);
  assert.equal(events, ['2-2', '3-3 Fox:3', '4-7 Fox:5 Tux:4']);
  assert.equal([stock.waitingCount, stock.lastNote('s'), stock.cancellation(0)], [0, 6, 4]);
  assert.equal(
    batches.at(-1)?.movements.map(({ kind }) => kind),
    ['cancel', 'checkout', 'note', 'order'],
  );
});

test('a journal that cannot be read when a cancellation needs it ends the process, and nothing is recorded', async () => {
  const { driver, disk, failures } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  await soon(driver.place({ term: 1, after: 2, orders: [order('a')] }));
  disk.stored.length = 2;
  const problem = await problemOf(driver.place({ term: 1, after: 3, orders: [{ key: 'x', cancel: { of: 'a' } }] }));
  assert.is(problem.reason, 'journal_failed');
  assert.is(failures.length, 1);
  assert.is(disk.stored.length, 2);
});

test('the trail ends where the stock does, even if the journal has more by then', async () => {
  const { driver, disk } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  await soon(driver.place({ term: 1, after: 2, orders: [order('a', 'Fox', 2), order('b', 'Tux')] }));
  const { changes, ...end } = await soon(driver.trail({ after: 1, changesMax: 10, name: 'Fox' }));
  assert.equal(
    changes.map(({ sequence, product, change }) => [sequence, product, change]),
    [[3, 'Fox', -2]],
  );
  assert.equal(end, { asOf: 4, next: null });
  disk.stored.push({ ...(disk.stored[2] as Movement), sequence: 5 });
  const later = await soon(driver.trail({ after: 3, changesMax: 10, name: null }));
  assert.equal([later.changes.map(({ sequence }) => sequence), later.asOf, later.next], [[4], 4, null]);
});

test('one trail is read at a time, some wait, and more are refused; orders wait for none of them', async () => {
  const { driver, disk } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  const read = disk.journal.after;
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  let reading = 0;
  let most = 0;
  disk.journal.after = async (after, bounds) => {
    reading += 1;
    most = Math.max(most, reading);
    await held;
    reading -= 1;
    return read(after, bounds);
  };
  const trail = () => driver.trail({ after: 0, changesMax: 1, name: 'Fox' });
  const all = Array.from({ length: 1 + limits.trailsWaitingMax }, trail);
  await turn();
  disk.journal.after = read;
  assert.equal(['busy', 429], await problemOf(trail()).then(({ reason, status }) => [reason, status]));
  assert.is((await soon(driver.place({ term: 1, after: 2, orders: [order('a')] }))).kind, 'decided');
  release();
  for (const { changes } of await soon(Promise.all(all))) assert.is(changes.length, 1);
  assert.is(most, 1);
  assert.is((await soon(trail())).asOf, 3);
});

test('a batch tells each product once, as the last movement left it', async () => {
  const { driver, events } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  await soon(
    driver.place({ term: 1, after: 2, orders: [order('a'), order('b'), order('c', 'Tux'), order('d', 'Fox', 9)] }),
  );
  assert.equal(events, ['2-2', '3-6 Fox:3 Tux:4']);
});

test('what needs no movement is answered without a write', async () => {
  const { driver, disk, events } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  await soon(driver.place({ term: 1, after: 2, orders: [order('a')] }));
  const writes = disk.stored.length;
  const other = { ...order('a'), fingerprint: 'other' };
  const decision = await soon(driver.place({ term: 1, after: 0, orders: [order('a'), other, order('b', 'Nobody')] }));
  assert.equal(decision.kind === 'decided' && decision.outcomes, [
    { key: 'a', status: 'accepted', sequence: 3, number: 0, replayed: true },
    { key: 'a', status: 'conflict' },
    { key: 'b', status: 'unknown_product', name: 'Nobody' },
  ]);
  assert.equal(sequencesOf(decision), [1, 2, 3]);
  assert.is(disk.stored.length, writes);
  assert.equal(events, ['2-2', '3-3 Fox:4']);
});

test('an older term is refused, for orders and fences, also one that waited while the fence was stored', async () => {
  const { driver, stock, disk } = await createWorld();
  await soon(driver.fence({ term: 3, after: 1 }));
  disk.hold();
  const fencing = driver.fence({ term: 5, after: 1 });
  const late = driver.place({ term: 3, after: 2, orders: [order('late')] });
  await turn();
  disk.release();
  assert.equal(sequencesOf(await soon(fencing)), [1, 2, 3]);
  assert.equal(await soon(late), { kind: 'old_term', term: 5 });
  assert.equal(await soon(driver.fence({ term: 4, after: 0 })), { kind: 'old_term', term: 5 });
  assert.is(stock.decision('late'), undefined);
  assert.is(stock.term, 5);
});

test('orders queued before a fence are decided before it, and the fence returns them after the movement that was named', async () => {
  const { driver, disk } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  disk.hold();
  const first = driver.place({ term: 1, after: 2, orders: [order('a')] });
  await turn();
  const second = driver.place({ term: 1, after: 2, orders: [order('b')] });
  const fencing = driver.fence({ term: 2, after: 2 });
  const third = driver.place({ term: 2, after: 2, orders: [order('c')] });
  disk.release();
  await soon(Promise.all([first, second]));
  assert.equal(sequencesOf(await soon(fencing)), [2, 3, 4, 5]);
  assert.equal(sequencesOf(await soon(third)), [3, 4, 5, 6]);
});

test('fencing a term again records nothing and returns what follows', async () => {
  const { driver, disk } = await createWorld();
  await soon(driver.fence({ term: 2, after: 1 }));
  const again = await soon(driver.fence({ term: 2, after: 0 }));
  assert.equal(sequencesOf(again), [1, 2]);
  assert.equal(again.kind === 'decided' && again.outcomes, []);
  assert.is(disk.stored.length, 2);
});

test('a term that was never fenced is a mistake of the caller', async () => {
  const { driver, stock } = await createWorld();
  const problem = await problemOf(driver.place({ term: 1, after: 0, orders: [order('a')] }));
  assert.equal([problem.status, problem.reason], [400, 'not_fenced']);
  assert.is(stock.sequence, 1);
});

test('a caller that knows more than the journal is told so, and nothing is recorded, not even its fence', async () => {
  const { driver, disk } = await createWorld();
  assert.equal(await soon(driver.fence({ term: 9, after: 2 })), { kind: 'behind', sequence: 1 });
  await soon(driver.fence({ term: 1, after: 1 }));
  assert.equal(await soon(driver.place({ term: 1, after: 7, orders: [order('a')] })), { kind: 'behind', sequence: 2 });
  assert.is(disk.stored.length, 2);
});

test('the lines of an answer are bounded and say that there are more; outcomes are complete', async () => {
  const { driver } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  const orders = Array.from({ length: limits.historyLinesMax + 10 }, (_, at) => order(`k${at}`, 'Fox', 50));
  const decision = await soon(driver.place({ term: 1, after: 2, orders }));
  if (decision.kind !== 'decided') throw new Error(decision.kind);
  assert.is(decision.outcomes.length, orders.length);
  assert.is(decision.lines.length, limits.historyLinesMax);
  assert.ok(decision.more);
  const rest = await soon(driver.place({ term: 1, after: 2 + limits.historyLinesMax, orders: [] }));
  assert.is(sequencesOf(rest).length, 10);
  assert.ok(rest.kind === 'decided' && !rest.more);
});

test('the queue is bounded: what does not fit is refused and leaves no trace', async () => {
  const { driver, stock, disk } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  disk.hold();
  const first = driver.place({ term: 1, after: 2, orders: [order('first')] });
  await turn();
  const many = Array.from({ length: limits.queueLengthMax - 1 }, (_, at) => order(`k${at}`, 'None'));
  const second = driver.place({ term: 1, after: 2, orders: many });
  assert.equal(await soon(driver.place({ term: 1, after: 2, orders: [order('x'), order('y')] })), { kind: 'busy' });
  const fits = driver.place({ term: 1, after: 2, orders: [order('fits')] });
  assert.is(driver.queueLength(), limits.queueLengthMax);
  disk.release();
  await soon(Promise.all([first, second, fits]));
  assert.is(stock.decision('x'), undefined);
  assert.is(stock.decision('fits')?.status, 'accepted');
  assert.is(driver.queueLength(), 0);
});

test('a refill goes through the same queue and is told', async () => {
  const { driver, stock, disk, events } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  await soon(driver.place({ term: 1, after: 2, orders: [order('all', 'Fox', 5)] }));
  disk.hold();
  const placed = driver.place({ term: 1, after: 3, orders: [order('a', 'Tux')] });
  await turn();
  const restock = { kind: 'restock' as const, name: 'Fox', cause: 3, level: 100 };
  driver.restock([restock]);
  driver.restock([restock]);
  const after = driver.place({ term: 1, after: 3, orders: [order('b', 'Fox', 1)] });
  disk.release();
  await soon(placed);
  assert.equal(sequencesOf(await soon(after)), [4, 5, 6]);
  assert.is(stock.product('fox')?.quantity, 99);
  assert.equal(events.slice(-2), ['4-4 Tux:4', '5-6 Fox:99']);
});

test('when the journal fails nothing is shown, every caller hears that it is unknown, and nothing is taken any more', async () => {
  const { driver, stock, disk, events, failures } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  events.length = 0;
  disk.hold();
  const first = problemOf(driver.place({ term: 1, after: 2, orders: [order('a')] }));
  await turn();
  const second = problemOf(driver.place({ term: 1, after: 2, orders: [order('b')] }));
  const third = problemOf(driver.fence({ term: 2, after: 2 }));
  const fourth = problemOf(driver.place({ term: 2, after: 2, orders: [] }));
  disk.waiting[0]?.reject(new Error('EIO'));
  assert.equal([(await first).status, (await first).reason], [503, 'journal_failed']);
  for (const later of [second, third, fourth]) assert.is((await later).reason, 'journal_failed');
  assert.equal(failures.map(String), ['Error: EIO']);
  assert.equal(events, []);
  assert.is(stock.sequence, 2);
  assert.is(driver.whyNotReady(), 'journal_failed');
  assert.is((await problemOf(driver.place({ term: 1, after: 2, orders: [] }))).status, 503);
  driver.restock([{ kind: 'restock', name: 'Fox', cause: 1, level: 1 }]);
  assert.is(disk.waiting.length, 1);
});

test('draining finishes what waits and refuses what is new', async () => {
  const { driver, disk } = await createWorld();
  await soon(driver.fence({ term: 1, after: 1 }));
  disk.hold();
  const first = driver.place({ term: 1, after: 2, orders: [order('a')] });
  await turn();
  const second = driver.place({ term: 1, after: 2, orders: [order('b')] });
  let drained = false;
  const draining = driver.drain().then(() => {
    drained = true;
  });
  assert.is(driver.whyNotReady(), 'stopping');
  const refused = await problemOf(driver.place({ term: 1, after: 2, orders: [order('c')] }));
  assert.equal([refused.status, refused.reason, refused.headers?.['retry-after']], [503, 'stopping', '1']);
  assert.not.ok(drained);
  disk.release();
  await soon(draining);
  assert.is((await first).kind, 'decided');
  assert.is((await second).kind, 'decided');
});

test('draining an idle driver is done at once', async () => {
  const { driver } = await createWorld();
  await soon(driver.drain());
  await soon(driver.drain());
});

for (const [what, read] of [
  ['for a leader', ({ driver }: World) => driver.place({ term: 0, after: 0, orders: [] })],
  ['as history', ({ driver }: World) => driver.history({ after: 0, linesMax: 10 })],
  ['for the trail', ({ driver }: World) => driver.trail({ after: 0, changesMax: 10, name: null })],
] as const) {
  test(`damage that is found by reading ${what} ends the process`, async () => {
    const world = await createWorld();
    const damage = new JournalDamaged({ path: 'journal.jsonl', lineNumber: 1, offset: 0, what: 'is damaged' });
    world.disk.journal.after = () => Promise.reject(damage);
    const reading: Promise<unknown> = read(world);
    assert.is(await reading.catch((error) => error), damage);
    assert.equal(world.failures, [damage]);
    assert.is(world.driver.whyNotReady(), 'journal_failed');
  });
}

test.run();
