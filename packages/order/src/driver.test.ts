import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deadline, monotonicMs, sleep } from '@till/shared/clock';
import type { CatalogDecision } from '@till/shared/contract';
import { JournalDamaged } from '@till/shared/journal';
import { noteKey } from '@till/shared/keys';
import { silentLogger } from '@till/shared/logger';
import type { Placed } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { diskError, type Faults, faultyFiles } from '../../shared/test/faulty-files.ts';
import { removeTemporaryFolders, temporaryFolder } from '../../shared/test/temporary-folder.ts';
import { ack, append, limits, lineOf, member, placed, position, probe, record } from '../test/lab.ts';
import { shopEntries, shopJournal } from '../test/shop.ts';
import { createDriver, type Driver } from './driver.ts';
import { orderLimits } from './limits.ts';
import { openLog } from './log.ts';
import { createPeers } from './peers.ts';
import { START } from './replica/entry.ts';
import { createReplica, NEW_STORE, type Replica, statusOf } from './replica/state.ts';
import type { ClusterRecord, Entry, Message, ReplicaLimits } from './replica/types.ts';
import { createStateFile } from './state-file.ts';

type CatalogCall = {
  orders: Placed[] | 'fence';
  resolve(answer: CatalogDecision): void;
  reject(error: Error): void;
};

type World = {
  driver: Driver;
  replica: Replica;
  /** Does to the disk what it is told to; looked at for each operation. */
  faults: Faults;
  /** What the disk was asked for, and what went out, in order. A message stands with the term that state.json then held. */
  events: string[];
  sent: { to: number; message: Message }[];
  calls: CatalogCall[];
  failures: Error[];
  clock: { ms: number };
  path: string;
  haltedBecause(): string | null;
};

const worlds: World[] = [];

test.after.each(async () => {
  for (const { driver, faults } of worlds.splice(0)) {
    for (const fault of Object.keys(faults) as (keyof Faults)[]) delete faults[fault];
    releaseAll();
    await driver.close();
  }
  await removeTemporaryFolders();
});

const held: (() => void)[] = [];
const releaseAll = (): void => {
  for (const release of held.splice(0)) release();
};
/** The next fsyncs wait until `releaseAll`. */
const hold = (world: World): void => {
  world.faults.sync = (file) => new Promise<void>((resolve) => held.push(resolve)).then(() => file.sync());
};
const release = (world: World): void => {
  delete world.faults.sync;
  releaseAll();
};

type Start = {
  id?: number;
  entries?: Entry[];
  record?: ClusterRecord | null;
  limits?: Partial<ReplicaLimits>;
  /** What happens to the log before it is opened, and once it is. */
  prepare?: { file(path: string): Promise<void>; opened(path: string): void };
  /** Messages that are sent without being an answer go nowhere in either case. */
  peers?: 'recorded' | 'real';
};

/** A whole replica without its server: the core, the log and the state on disk. By default number 1, which follows 3. */
const createWorld = async (start: Start = {}): Promise<World> => {
  const { id = 1, entries = [] } = start;
  const folder = await temporaryFolder();
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, entries.map(({ line }) => `${line}\n`).join(''));
  const faults: Faults = {};
  const { files, done: events } = faultyFiles(faults);
  await start.prepare?.file(path);
  const log = await openLog({ path, files });
  start.prepare?.opened(path);
  const stateFile = createStateFile(folder);
  const known = start.record === undefined ? record() : start.record;
  stateFile.save(known === null ? NEW_STORE : { storeId: 'store', term: known.term, record: known, committed: START });
  const clock = { ms: 0 };
  const replica = createReplica({
    id,
    boot: `${id}a`,
    limits: { ...limits, ...start.limits },
    durable: stateFile.read(),
    log: log.view,
    now: 0,
  });
  const calls: CatalogCall[] = [];
  const call = (orders: CatalogCall['orders']): Promise<CatalogDecision> => {
    const { promise, resolve, reject } = Promise.withResolvers<CatalogDecision>();
    events.push(orders === 'fence' ? 'fence' : 'decide');
    calls.push({ orders, resolve, reject });
    return promise;
  };
  const sent: World['sent'] = [];
  const failures: Error[] = [];
  const driver = createDriver({
    replica,
    log,
    createPeers(onMessage) {
      const urls = new Map([1, 2, 3].map((peer) => [peer, 'http://127.0.0.1:9']));
      const peers = createPeers({ id, urls, now: () => clock.ms, onMessage });
      return {
        ...peers,
        send(to, message) {
          sent.push({ to, message });
          events.push(`send ${message.type} ${to}, ${stateFile.read().term} saved`);
          if (start.peers === 'real') peers.send(to, message);
        },
        async answer(from, message) {
          if (start.peers === 'real') return peers.answer(from, message);
          onMessage(from, message);
          return null;
        },
      };
    },
    catalog: { movements: ({ body }) => call(body.orders), fence: () => call('fence') },
    now: () => clock.ms,
    save(durable) {
      events.push('save');
      stateFile.save(durable);
    },
    saveHalt: stateFile.saveHalt,
    onFailed: (error) => failures.push(error),
    logger: silentLogger,
    metrics: { batch() {}, stored() {} },
  });
  events.length = 0;
  const world = {
    driver,
    replica,
    faults,
    events,
    sent,
    calls,
    failures,
    clock,
    path,
    haltedBecause: stateFile.readHalt,
  };
  worlds.push(world);
  return world;
};

const until = async (condition: () => boolean, what: string): Promise<void> => {
  for (const endMs = monotonicMs() + 10_000; !condition(); await sleep(1)) {
    if (monotonicMs() > endMs) throw new Error(`This did not happen in time: ${what}`);
  }
};
/** Long enough for anything that does not wait for the disk, a few ticks included, to happen. */
const aWhile = (): Promise<void> => sleep(4 * orderLimits.tickMs);
const soon = <Value>(promise: Promise<Value>): Promise<Value> => deadline(promise, 10_000);
/** Says whether a promise is settled, without waiting for it. */
const watch = <Value>(promise: Promise<Value>): { promise: Promise<Value>; settled: boolean } => {
  const watched = { promise, settled: false };
  const settle = (): void => {
    watched.settled = true;
  };
  promise.then(settle, settle);
  return watched;
};
const fails = (code: 'EIO' | 'ENOSPC'): Promise<never> => Promise.reject(diskError(code));
const linesOf = ({ path }: World): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const wordsOf = (events: string[], words: string[]): string[] =>
  events.filter((event) => words.includes(event.split(' ')[0] ?? ''));

/** Replica 3 leads term 2 alone, or with others in sync. */
const leading = (followers: number[] = []): ClusterRecord =>
  record({
    term: 2,
    version: 3,
    inSync: [...followers, 3].map((id) => member(id)),
    registered: [...followers, 3].map((id) => ({ id, incarnation: 1, boot: `${id}a` })),
  });
const decided = (lines: string[], outcomes: Extract<CatalogDecision, { kind: 'decided' }>['outcomes'] = []) =>
  ({ kind: 'decided', outcomes, lines, more: false }) as const;
const accepted = (key: string, number: number) =>
  ({ key, status: 'accepted', sequence: number + 2, number, replayed: false }) as const;

const nextCall = async (world: World): Promise<CatalogCall> => {
  await until(() => world.calls.length > 0, 'a call to the catalog');
  return world.calls.shift() as CatalogCall;
};

/** Replica 3 leads term 2 and takes orders; its log is the start of its term and the journal's one line. */
const createLeader = async (followers: number[] = [], start: Start = {}): Promise<World> => {
  const world = await createWorld({ id: 3, ...start });
  world.driver.health({ record: leading(followers), refused: null });
  for (const id of followers) void world.driver.peers.answer(id, position(world.replica, world.replica.log));
  if (followers.length > 0) await acknowledge(world, followers);
  (await nextCall(world)).resolve(decided(shopJournal(0)));
  await until(() => world.replica.stored === 2, 'the fence in the log');
  if (followers.length > 0) await acknowledge(world, followers);
  await until(() => statusOf(world.replica).serving, 'a leader that serves');
  return world;
};

/** Every follower says that it holds the whole log. */
const acknowledge = async (world: World, followers: number[]): Promise<void> => {
  for (const id of followers) await world.driver.peers.answer(id, ack(world.replica, world.replica.log.lastIndex()));
};

/** The first order is placed and decided: only the log can keep it from being answered. */
const placeFirst = async (world: World) => {
  const answer = watch(world.driver.place(2, [placed('key-0')]));
  const call = await nextCall(world);
  assert.equal(call.orders, [placed('key-0')]);
  call.resolve(decided(shopJournal(1).slice(1), [accepted('key-0', 0)]));
  return answer;
};

test('a follower acknowledges after the fsync of what it acknowledges, never before', async () => {
  const world = await createWorld({ peers: 'real' });
  const entries = shopEntries(1);
  hold(world);
  const answer = watch(world.driver.peers.answer(3, append(entries, 0)));
  await until(() => held.length === 1, 'the fsync');
  await aWhile();
  assert.equal(world.events, ['write', 'sync'], 'nothing goes out while the fsync is under way');
  assert.not.ok(answer.settled);
  release(world);
  const message = await soon(answer.promise);
  assert.equal(world.events, ['write', 'sync', 'send ack 3, 1 saved']);
  const last = entries.at(-1);
  assert.equal(message?.type === 'ack' && message.held, { index: 3, hash: last?.hash });
  assert.equal(
    linesOf(world),
    entries.map(({ line }) => line),
  );
});

test('entries that come while a fsync is under way are not acknowledged with it', async () => {
  const world = await createWorld();
  const entries = shopEntries(1);
  hold(world);
  void world.driver.peers.answer(3, append(entries, 0, { to: 2 }));
  await until(() => held.length === 1, 'the first fsync');
  void world.driver.peers.answer(3, append(entries, 2));
  releaseAll();
  await until(() => held.length === 1, 'the second fsync');
  await aWhile();
  const heldIndexes = () => world.sent.map(({ message }) => message.type === 'ack' && message.held.index);
  assert.equal(heldIndexes(), [2], 'the first two entries only');
  release(world);
  await until(() => world.sent.length === 2, 'the second acknowledgement');
  assert.equal(heldIndexes(), [2, 3]);
});

test('a leader answers an order after the fsync of its entry, never before', async () => {
  const world = await createLeader();
  hold(world);
  const answer = await placeFirst(world);
  await until(() => held.length === 1, 'the fsync');
  await aWhile();
  assert.not.ok(answer.settled);
  assert.equal(world.driver.find(2, [{ number: 0 }]), { ok: true, found: [null] }, 'nor may anybody read it');
  release(world);
  assert.equal(await soon(answer.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
  const order = { number: 0, key: 'key-0', sequence: 2, order: placed('key-0').order };
  assert.equal(world.driver.find(2, [{ number: 0 }, { key: 'key-0' }, { number: 1 }]), {
    ok: true,
    found: [order, order, null],
  });
  assert.is(linesOf(world).length, 3);
});

test('a leader waits for its own disk when the followers are ahead of it', async () => {
  const world = await createLeader([1]);
  hold(world);
  const answer = await placeFirst(world);
  await until(() => held.length === 1, 'the fsync');
  await acknowledge(world, [1]);
  await aWhile();
  assert.not.ok(answer.settled);
  release(world);
  assert.equal(await soon(answer.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
});

test('a leader waits for its followers when its own disk is ahead of them', async () => {
  const world = await createLeader([1]);
  const answer = await placeFirst(world);
  await until(() => world.replica.stored === 3, 'the entry on disk');
  await aWhile();
  assert.not.ok(answer.settled);
  await acknowledge(world, [1]);
  assert.equal(await soon(answer.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
});

test('a leader calls the catalog only after its term is saved and its first entry is on disk', async () => {
  const world = await createWorld({ id: 3 });
  hold(world);
  world.driver.health({ record: leading(), refused: null });
  await until(() => held.length === 1, 'the fsync');
  await aWhile();
  assert.equal(world.events, ['save', 'write', 'sync']);
  release(world);
  await until(() => world.calls.length === 1, 'the fence');
  assert.equal(world.events, ['save', 'write', 'sync', 'fence']);
});

test('a term is on disk before anything is said in it', async () => {
  const world = await createWorld();
  void world.driver.peers.answer(2, probe({ term: 4 }));
  assert.equal(world.events, ['save', 'send position 2, 4 saved']);
});

test('a new leader asks around only after its record is on disk', async () => {
  const world = await createWorld({ id: 3 });
  world.driver.health({ record: leading([1, 2]), refused: null });
  assert.equal(world.events, ['save', 'send probe 1, 2 saved', 'send probe 2, 2 saved']);
});

test('nothing that follows a save goes out when the save fails, and nothing at all afterwards', async () => {
  const world = await createWorld();
  await removeTemporaryFolders();
  void world.driver.peers.answer(2, probe({ term: 4 }));
  assert.equal(world.events, ['save']);
  assert.is(world.failures.length, 1);
  void world.driver.peers.answer(2, probe({ term: 4 }));
  await aWhile();
  assert.equal(world.events, ['save']);
  assert.is(world.failures.length, 1, 'told once');
});

test('a tail is cut before what replaces it is written, and acknowledged after both', async () => {
  const world = await createWorld({ entries: shopEntries(2, 'other') });
  const entries = shopEntries(2);
  const kept = Buffer.byteLength(`${linesOf(world).slice(0, 2).join('\n')}\n`);
  hold(world);
  void world.driver.peers.answer(3, append(entries, 2));
  await until(() => held.length === 1, 'the fsync of the cut');
  await aWhile();
  assert.equal(world.events, [`truncate ${kept}`, 'sync']);
  release(world);
  await until(() => world.sent.length === 1, 'the acknowledgement');
  assert.equal(world.events, [`truncate ${kept}`, 'sync', 'write', 'sync', 'send ack 3, 1 saved']);
  assert.equal(
    linesOf(world),
    entries.map(({ line }) => line),
  );
});

for (const operation of ['write', 'sync'] as const) {
  test(`a failed ${operation} of a follower ends it: nothing is acknowledged`, async () => {
    const world = await createWorld({ peers: 'real' });
    world.faults[operation] = () => fails('EIO');
    const answer = watch(world.driver.peers.answer(3, append(shopEntries(1), 0)));
    await until(() => world.failures.length > 0, 'the failure');
    delete world.faults[operation];
    void world.driver.peers.answer(3, append(shopEntries(1), 0));
    await aWhile();
    assert.match(world.failures[0]?.message ?? '', /^Cannot write .*EIO/);
    assert.is(world.failures.length, 1);
    assert.equal(wordsOf(world.events, ['send']), []);
    assert.not.ok(answer.settled);
  });

  test(`a failed ${operation} of a leader ends it: nobody is answered`, async () => {
    const world = await createLeader();
    world.faults[operation] = () => fails('ENOSPC');
    const answer = await placeFirst(world);
    await until(() => world.failures.length > 0, 'the failure');
    world.clock.ms += 10_000;
    await aWhile();
    assert.is(world.failures.length, 1);
    assert.not.ok(answer.settled, 'not even as unknown: the connection ends with the process');
  });
}

test('a failed cut ends a follower', async () => {
  const world = await createWorld({ entries: shopEntries(2, 'other') });
  world.faults.truncate = () => fails('EIO');
  void world.driver.peers.answer(3, append(shopEntries(2), 2));
  await until(() => world.failures.length > 0, 'the failure');
  await aWhile();
  assert.is(world.failures.length, 1, 'told once, although what was to be written after the cut failed too');
  assert.equal(wordsOf(world.events, ['send', 'write']), []);
});

test('a promise that the core finds broken ends the process, and nobody is answered', async () => {
  const world = await createLeader();
  const answer = watch(world.driver.place(2, [placed('key-0')]));
  const call = await nextCall(world);
  call.resolve(decided(shopJournal(2).slice(2), [accepted('key-1', 1)]));
  await until(() => world.failures.length > 0, 'the failure');
  assert.match(world.failures[0]?.message ?? '', /Movement 3 must not follow movement 1/);
  const later = watch(world.driver.place(2, [placed('b')]));
  await aWhile();
  assert.not.ok(answer.settled);
  assert.not.ok(later.settled);
  assert.is(world.failures.length, 1);
});

test('a replica that halts keeps why, leaves its files as they are, and takes no order', async () => {
  const world = await createWorld();
  const [first, second] = shopEntries(1) as [Entry, Entry];
  const broken = { ...append([first, second], 0), entries: [first, { ...second, hash: first.hash }] } as Message;
  void world.driver.peers.answer(3, broken);
  assert.match(world.haltedBecause() ?? '', /does not chain/);
  assert.equal(world.events, []);
  assert.equal(linesOf(world), []);
  assert.equal(await soon(world.driver.place(1, [placed('a')])), { ok: false, reason: 'not_leader' });
  assert.equal(world.failures, [], 'it goes on to say that it halted');
});

test('a call that fails leaves open what became of it: it is made again, and the order is answered once', async () => {
  const world = await createLeader();
  const answer = watch(world.driver.place(2, [placed('key-0')]));
  (await nextCall(world)).reject(new Error('broken'));
  await aWhile();
  assert.is(world.calls.length, 0, 'not before time has passed');
  world.clock.ms += 10;
  const again = await nextCall(world);
  assert.equal(again.orders, [placed('key-0')]);
  again.resolve(decided(shopJournal(1).slice(1), [accepted('key-0', 0)]));
  assert.equal(await soon(answer.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
  assert.equal(world.failures, []);
});

test('each batch gets its own answer', async () => {
  const world = await createLeader();
  const first = watch(world.driver.place(2, [placed('key-0')]));
  const second = watch(world.driver.place(2, [placed('key-1')]));
  const stale = world.driver.place(1, [placed('c')]);
  assert.equal(await soon(stale), { ok: false, reason: 'not_leader' });
  (await nextCall(world)).resolve(decided(shopJournal(1).slice(1), [accepted('key-0', 0)]));
  assert.equal(await soon(first.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
  assert.not.ok(second.settled);
  (await nextCall(world)).resolve(decided(shopJournal(2).slice(2), [accepted('key-1', 1)]));
  assert.equal(await soon(second.promise), { ok: true, outcomes: [accepted('key-1', 1)] });
});

test('only the leader of the term reads, and only once its first entry is committed', async () => {
  const follower = await createWorld();
  assert.equal(follower.driver.find(1, [{ number: 0 }]), { ok: false, reason: 'not_leader' });
  const leader = await createWorld({ id: 3, entries: shopEntries(1) });
  hold(leader);
  leader.driver.health({ record: leading(), refused: null });
  assert.equal(leader.driver.find(2, [{ number: 0 }]), { ok: false, reason: 'not_ready' });
  assert.equal(leader.driver.find(1, [{ number: 0 }]), { ok: false, reason: 'not_leader' });
  await until(() => held.length === 1, 'the fsync');
  release(leader);
  await until(() => leader.driver.find(2, []).ok, 'a leader that reads');
  const found = leader.driver.find(2, [{ number: 0 }, { key: 'key-0' }, { key: 'nobody' }]);
  assert.equal(found.ok && found.found.map((order) => (order !== null && 'key' in order ? order.key : null)), [
    'key-0',
    'key-0',
    null,
  ]);
});

test('damage in the log ends the process, whoever reads it, and the next start says which line it is', async () => {
  const refused = { ok: false, reason: 'not_ready' };
  const reads: [string, (driver: Driver) => void][] = [
    ['an order', ({ find }) => assert.equal(find(2, [{ number: 0 }]), refused)],
    ['a key', ({ find }) => assert.equal(find(2, [{ key: 'nobody' }, { key: 'key-0' }]), refused)],
    ['the outbox', ({ outbox }) => assert.throws(() => outbox.movements(0, 10), 'changed after it was written')],
  ];
  for (const [what, read] of reads) {
    const leader = await createWorld({
      id: 3,
      entries: shopEntries(400),
      prepare: {
        // So that there is an index: only the last entries are read when it is opened again.
        file: async (path) => (await openLog({ path })).close(),
        opened(path) {
          const text = readFileSync(path, 'latin1');
          writeFileSync(path, text.replace('"key":"key-0"', '"key":"key-1"'), 'latin1');
        },
      },
    });
    leader.driver.health({ record: leading(), refused: null });
    await until(() => leader.driver.find(2, []).ok, 'a leader that reads');
    assert.equal(leader.driver.find(2, [{ number: 399 }]).ok, true);
    assert.equal(leader.failures, [], what);
    read(leader.driver);
    assert.is(leader.failures.length, 1, what);
    assert.instance(leader.failures[0], JournalDamaged, what);
    await leader.driver.close();
    try {
      await (await openLog({ path: leader.path })).close();
      assert.unreachable('It must not be opened');
    } catch (error) {
      assert.instance(error, JournalDamaged, what);
      assert.is((error as JournalDamaged).lineNumber, 3, what);
    }
  }
});

test('what else goes wrong while somebody asks is told to who asked', async () => {
  const { driver, replica, failures } = await createLeader();
  replica.log.contents.order = () => {
    throw new Error('as asked for');
  };
  assert.throws(() => driver.find(2, [{ number: 0 }]), 'as asked for');
  assert.equal(failures, []);
});

test('the outbox hears who leads, what is committed and how far it got, and its notes go the way of all orders', async () => {
  const follower = await createWorld();
  assert.is(follower.driver.outbox.leading(), null);
  const { driver, ...world } = await createLeader();
  const { outbox } = driver;
  assert.is(outbox.leading(), 2);
  assert.is(outbox.storeId(), 'store');
  assert.is(outbox.noteOf('shopify'), null);
  const before = outbox.committedSequence();
  const note = { sink: 'shopify', after: 0, delivered: before, dead: [], again: [] };
  const noted = outbox.place(2, [{ key: noteKey('shopify'), note }]);
  const sequence = before + 1;
  const line = lineOf(sequence, { kind: 'note', ...note });
  (await nextCall({ driver, ...world })).resolve(
    decided([line], [{ key: noteKey('shopify'), status: 'noted', sequence }]),
  );
  await soon(noted);
  assert.is(outbox.committedSequence(), sequence);
  assert.is(outbox.noteOf('shopify')?.sequence, sequence);
  assert.equal(
    outbox.movements(before, 10).map(({ kind }) => kind),
    ['note'],
  );
});

test('who asks when it is closed, or waits when it closes, is answered', async () => {
  const { driver } = await createLeader();
  const waiting = driver.place(2, [placed('key-0')]);
  await driver.close();
  assert.equal(await soon(waiting), { ok: false, reason: 'unknown' });
  assert.equal(await soon(driver.place(2, [placed('key-1')])), { ok: false, reason: 'not_leader' });
});

test('a health check hands on what was refused before the record that may hold the answer', async () => {
  const world = await createLeader([1]);
  world.clock.ms += limits.peerWaitMs;
  for (let misses = 0; misses < limits.missesMax + 1; misses += 1) {
    await aWhile();
    world.clock.ms += limits.peerWaitMs;
  }
  await until(() => statusOf(world.replica).proposal !== null, 'a proposal to go on alone');
  const proposal = statusOf(world.replica).proposal;
  const { id = 0, version = 0 } = proposal ?? {};
  const told = world.driver.health({ record: null, refused: { proposal: id + 1, version } });
  assert.equal(told.proposal, proposal, 'another one was refused');
  assert.is(world.driver.health({ record: null, refused: { proposal: id, version } }).proposal, null);
});

test('a replica that leaves waits until the record does not count on it', async () => {
  const world = await createWorld();
  world.driver.health({ record: null, refused: null });
  const leaving = watch(world.driver.leave());
  await until(() => statusOf(world.replica).leaving, 'the wish to leave');
  await aWhile();
  assert.not.ok(leaving.settled);
  world.driver.health({ record: record({ version: 3, inSync: [member(2), member(3)] }), refused: null });
  await soon(leaving.promise);
  assert.is(world.clock.ms, 0);
});

test('a replica that leaves does not wait for a manager that is gone', async () => {
  const world = await createWorld();
  world.driver.health({ record: null, refused: null });
  const leaving = watch(world.driver.leave());
  world.clock.ms = orderLimits.managerSilentMs - 1;
  await aWhile();
  assert.not.ok(leaving.settled);
  world.clock.ms = orderLimits.managerSilentMs;
  await soon(leaving.promise);
});

test('a replica that leaves waits only so long, although the manager still counts on it', async () => {
  const world = await createWorld();
  const leaving = watch(world.driver.leave());
  for (world.clock.ms = 0; world.clock.ms < orderLimits.leaveWaitMs - 100; world.clock.ms += 100) {
    world.driver.health({ record: null, refused: null });
    await sleep(1);
  }
  await aWhile();
  assert.not.ok(leaving.settled);
  world.clock.ms = orderLimits.leaveWaitMs;
  world.driver.health({ record: null, refused: null });
  await soon(leaving.promise);
});

test('the last member leaves by itself, once what is under way is answered', async () => {
  const world = await createLeader();
  const answer = watch(world.driver.place(2, [placed('key-0')]));
  const leaving = watch(world.driver.leave());
  await aWhile();
  assert.not.ok(leaving.settled);
  (await nextCall(world)).resolve(decided(shopJournal(1).slice(1), [accepted('key-0', 0)]));
  assert.equal(await soon(answer.promise), { ok: true, outcomes: [accepted('key-0', 0)] });
  await soon(leaving.promise);
});

test('what comes after closing changes nothing: a late answer of the catalog is no failure', async () => {
  const world = await createLeader();
  void world.driver.place(2, [placed('key-0')]);
  const call = await nextCall(world);
  await soon(world.driver.close());
  const before = [...world.events];
  call.resolve(decided(shopJournal(1).slice(1), [accepted('key-0', 0)]));
  void world.driver.peers.answer(1, ack(world.replica, 2));
  world.driver.health({ record: record({ term: 3, version: 9 }), refused: null });
  await aWhile();
  assert.equal(world.events, before);
  assert.equal(world.failures, []);
  assert.is(linesOf(world).length, 2);
});

test('closing waits for what is being written', async () => {
  const world = await createWorld();
  hold(world);
  void world.driver.peers.answer(3, append(shopEntries(0), 0));
  await until(() => held.length === 1, 'the fsync');
  const closing = watch(world.driver.close());
  await aWhile();
  assert.not.ok(closing.settled);
  release(world);
  await soon(closing.promise);
  assert.is(linesOf(world).length, 2);
  assert.equal(wordsOf(world.events, ['send']), [], 'who does not listen any more says nothing either');
});

test.run();
