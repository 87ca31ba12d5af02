import { deadline } from '@till/shared/clock';
import type { ChangeLine } from '@till/shared/contract';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Changes, type ChangesOptions, createChanges } from './changes.ts';

const open: Changes[] = [];
test.after.each(() => {
  for (const changes of open.splice(0)) changes.close();
});

const create = (options: Partial<ChangesOptions> = {}): Changes => {
  const changes = createChanges({
    epoch: 'e',
    sequence: 4,
    beatMs: 60_000,
    backlogBytesMax: 10_000,
    onDropped: () => {},
    ...options,
  });
  open.push(changes);
  return changes;
};

/** Reads line by line; null at the end. */
const reader = (stream: ReadableStream<Uint8Array>) => {
  const chunks = stream.getReader();
  const decoder = new TextDecoder();
  let lines: string[] = [];
  return {
    next: async (): Promise<ChangeLine | null> => {
      while (lines.length === 0) {
        const { done, value } = await deadline(chunks.read(), 10_000, 'the next line');
        if (done) return null;
        const text = decoder.decode(value);
        assert.ok(text.endsWith('\n'));
        lines = text.slice(0, -1).split('\n');
      }
      return JSON.parse(lines.shift() as string);
    },
    cancel: () => chunks.cancel(),
  };
};

const fox = { name: 'Fox', price: 1, quantity: 2, version: 5 };

test('a subscriber hears hello with what is on disk, then every change', async () => {
  const changes = create();
  const lines = reader(changes.subscribe());
  changes.publish({ from: 5, to: 5, products: [fox] });
  changes.publish({ from: 6, to: 8, products: [] });
  assert.equal(await lines.next(), { type: 'hello', epoch: 'e', sequence: 4 });
  assert.equal(await lines.next(), { type: 'changes', epoch: 'e', from: 5, to: 5, products: [fox] });
  assert.equal(await lines.next(), { type: 'changes', epoch: 'e', from: 6, to: 8, products: [] });
});

test('hello says what harm is switched on, if there is any', async () => {
  const lines = reader(create({ chaos: 'crashes' }).subscribe());
  assert.equal(await lines.next(), { type: 'hello', epoch: 'e', sequence: 4, chaos: 'crashes' });
  await lines.cancel();
});

test('hello names the last sequence that was published, and what is published later follows it', async () => {
  const changes = create();
  changes.publish({ from: 5, to: 9, products: [fox] });
  const lines = reader(changes.subscribe());
  changes.publish({ from: 10, to: 10, products: [] });
  assert.equal(await lines.next(), { type: 'hello', epoch: 'e', sequence: 9 });
  assert.is(((await lines.next()) as { from: number }).from, 10);
});

test('a gap in what is published is our mistake and stops', () => {
  const changes = create();
  assert.throws(() => changes.publish({ from: 6, to: 6, products: [] }), /do not follow 4/);
  assert.throws(() => changes.publish({ from: 5, to: 4, products: [] }), /do not follow 4/);
});

test('a silent stream beats, with the last sequence', async () => {
  const changes = create({ beatMs: 2 });
  const lines = reader(changes.subscribe());
  await lines.next();
  assert.equal(await lines.next(), { type: 'beat', epoch: 'e', sequence: 4 });
  changes.publish({ from: 5, to: 5, products: [fox] });
  let line = await lines.next();
  while (line?.type === 'beat' && line.sequence === 4) line = await lines.next();
  assert.is(line?.type, 'changes');
  assert.equal(await lines.next(), { type: 'beat', epoch: 'e', sequence: 5 });
});

test('every subscriber hears everything; one that leaves is forgotten, and the last one stops the beat', async () => {
  const changes = create({ beatMs: 1 });
  const [one, other] = [reader(changes.subscribe()), reader(changes.subscribe())];
  assert.is(changes.subscriberCount(), 2);
  await one.cancel();
  assert.is(changes.subscriberCount(), 1);
  changes.publish({ from: 5, to: 5, products: [fox] });
  let line = await other.next();
  while (line?.type !== 'changes') line = await other.next();
  await other.cancel();
  assert.is(changes.subscriberCount(), 0);
});

test('a subscriber that reads too slowly is cut off with an error, the others stay', async () => {
  let dropped = 0;
  const changes = create({
    backlogBytesMax: 1000,
    onDropped: () => {
      dropped += 1;
    },
  });
  const slow = reader(changes.subscribe());
  const quick = reader(changes.subscribe());
  await quick.next();
  for (let sequence = 5; sequence < 40; sequence += 1) {
    changes.publish({ from: sequence, to: sequence, products: [fox] });
    assert.is(((await quick.next()) as { from: number }).from, sequence);
  }
  assert.is(dropped, 1);
  assert.is(changes.subscriberCount(), 1);
  let error: unknown;
  try {
    while ((await slow.next()) !== null);
  } catch (caught) {
    error = caught;
  }
  assert.match(String(error), /reads too slowly/);
});

test('closing ends every stream', async () => {
  const changes = create();
  const lines = reader(changes.subscribe());
  changes.close();
  assert.is((await lines.next())?.type, 'hello');
  assert.is(await lines.next(), null);
  assert.is(changes.subscriberCount(), 0);
});

test.run();
