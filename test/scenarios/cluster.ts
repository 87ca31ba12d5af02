/**
 * A small cluster of the real cores: one configuration manager, one to five replicas, one catalog. Network, disks and
 * clock are virtual: messages arrive at once and in the order they were sent, unless a scenario drops or holds them,
 * and time passes only when a scenario says so. What happens is written down in the words of `wording.ts`.
 */
import { createElection, isAlive, leaderOf, step as stepElection } from '@till/front/election/election';
import { ELECTION_RULES, type Effect as ElectionEffect, type Input as ElectionInput } from '@till/front/election/types';
import { findIn, type Query } from '@till/order/replica/find';
import { createLog } from '@till/order/replica/log';
import { createReplica, isReadable, REPLICA_RULES, type Replica, statusOf } from '@till/order/replica/state';
import { step } from '@till/order/replica/step';
import type { CatalogAnswer, Effect, Input, Message, PlaceResult, ReplicaLimits } from '@till/order/replica/types';
import type { ClusterRecord } from '@till/shared/cluster';
import type { Placed } from '@till/shared/movement';
import { seal, unseal } from '@till/shared/sealed';
import { type Catalog, createCatalog } from './catalog.ts';
import { createDisk, type Disk } from './disk.ts';
import {
  answerWords,
  callWords,
  entriesWords,
  foundWords,
  messageWords,
  recordWords,
  replicaWords,
  resultWords,
  saveWords,
} from './wording.ts';

export const limits: ReplicaLimits = {
  peerWaitMs: 100,
  missesMax: 3,
  levelForMs: 200,
  levelForMsMax: 3200,
  markEveryMs: 1000,
  beatMs: 50,
  handOverAfterMs: 600,
  drainMs: 300,
  requestWaitMs: 1000,
  catalogWaitMs: 200,
  catalogIdleMs: 250,
  appendEntriesMax: 8,
  appendBytesMax: 65_536,
  ordersInCallMax: 16,
  queueLengthMax: 32,
  minInSync: 1,
  checkoutsSeenMax: 256,
  checkoutsInCallMax: 2,
  checkoutsPerBook: 2,
  rotateLeader: false,
};

const TICK_MS = 10;
const HEALTH_EVERY_MS = 50;
const SUSPECT_AFTER_MS = 500;
/** A cluster is settled once nothing has changed for so long. Longer than any wait of the cores. */
const QUIET_MS = 2000;
const SETTLE_MS_MAX = 30_000;
const REPEATS_NOTICED = 3;

type Node = {
  id: number;
  disk: Disk;
  /** null while it is not running. */
  replica: Replica | null;
  runs: number;
  isPaused: boolean;
  /** What came while it was paused. */
  inbox: Input[];
};

export type Cluster = ReturnType<typeof createCluster>;

export type ClusterOptions = { replicas: number; minInSync: number; rotateLeader: boolean; without: string[] };

export const createCluster = (options: ClusterOptions) => {
  const nodes = new Map<number, Node>();
  const dropped = new Set<string>();
  const held = new Map<string, (() => void)[]>();
  const queue: (() => void)[] = [];
  /** The last few things said on each link: what only repeats them is not written down again. */
  const said = new Map<string, string[]>();
  const lastMessages = new Map<string, Message>();
  const records: ClusterRecord[] = [];
  const refused = new Map<number, { proposal: number; version: number }>();
  const requests: Placed[][] = [];
  const acknowledged = new Map<string, number>();
  const transcript: string[] = [];
  const catalog: Catalog = createCatalog();
  let catalogIsUp = true;
  let frontIsUp = true;
  let fronts = 1;
  let now = 0;
  const replicaLimits = {
    ...limits,
    minInSync: options.minInSync,
    rotateLeader: options.rotateLeader,
    checkoutsInCallMax: options.rotateLeader ? 1 : limits.checkoutsInCallMax,
  };

  const say = (line: string): void => {
    transcript.push(line);
  };

  /** Says what goes over a link, unless it only repeats what went over it just before (a beat, something sent again). */
  const sayOnLink = (from: string | number, to: string | number, words: string): void => {
    const link = `${from}->${to}`;
    const before = said.get(link) ?? [];
    if (before.includes(words)) return;
    said.set(link, [words, ...before].slice(0, REPEATS_NOTICED));
    say(`${link} ${words}`);
  };

  /** Delivers over a link, if it is not cut; later, if it is held. */
  const deliver = (from: string | number, to: string | number, arrive: () => void): boolean => {
    const link = `${from}->${to}`;
    if (dropped.has(link)) return false;
    const waiting = held.get(link);
    if (waiting === undefined) queue.push(arrive);
    else waiting.push(arrive);
    return true;
  };

  const run = (): void => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
  };

  const nodeOf = (id: number): Node => {
    const node = nodes.get(id);
    if (node === undefined) throw new Error(`No replica ${id}`);
    return node;
  };

  // Replicas

  const input = (node: Node, given: Input): void => {
    if (node.replica === null) return;
    if (node.isPaused) {
      node.inbox.push(given);
      return;
    }
    const run = node.replica;
    for (const effect of step(run, given)) perform(node, run, effect);
  };

  const perform = (node: Node, replica: Replica, effect: Effect): void => {
    const { id, disk } = node;
    switch (effect.type) {
      case 'save':
        say(`${id} ${saveWords(disk.durable, effect.durable)}`);
        disk.durable = effect.durable;
        return;
      case 'append':
        say(`${id} writes ${entriesWords(effect.entries)}${disk.isHeld ? ' (the disk hangs)' : ''}`);
        disk.perform(effect, (write) =>
          queue.push(() => node.replica === replica && input(node, { type: 'stored', write })),
        );
        return;
      case 'truncate':
        say(`${id} cuts from ${effect.from}`);
        disk.perform(effect, () => {});
        return;
      case 'send':
        send(id, effect.to, effect.message);
        return;
      case 'decide':
      case 'fence':
        ask(node, replica, effect);
        return;
      case 'answer':
        answerClient(id, effect.request, effect.result);
        return;
      case 'commit':
        say(`${id} commits ${effect.index}`);
        return;
      case 'halt':
        say(`${id} HALTS: ${effect.reason}`);
        disk.halted = effect.reason;
    }
  };

  const send = (from: number, to: number, message: Message): void => {
    const node = nodes.get(to);
    const arrives = node !== undefined && deliver(from, to, () => input(node, { type: 'message', from, message }));
    const lost = !arrives || node.replica === null;
    sayOnLink(
      from,
      to,
      `${messageWords(message)}${lost ? ' (lost)' : ''}${held.has(`${from}->${to}`) ? ' (held)' : ''}`,
    );
    lastMessages.set(`${from}->${to} ${message.type}`, message);
  };

  const ask = (node: Node, replica: Replica, effect: Extract<Effect, { type: 'decide' | 'fence' }>): void => {
    const { id } = node;
    const isIdle = effect.type === 'decide' && effect.orders.length === 0;
    const respond = (answer: CatalogAnswer): void => {
      const arrives = deliver('catalog', id, () => {
        if (node.replica === replica) input(node, { type: 'catalog', call: effect.call, answer });
      });
      const isNews = !isIdle || answer.kind !== 'decided' || answer.lines.length > 0;
      if (isNews) sayOnLink('catalog', id, `${answerWords(answer)}${arrives ? '' : ' (lost)'}`);
    };
    if (!isIdle) sayOnLink(id, 'catalog', callWords(effect));
    const arrives = deliver(id, 'catalog', () => respond(catalogIsUp ? catalog.answer(effect, now) : { kind: 'lost' }));
    if (!arrives && !isIdle) sayOnLink('catalog', id, 'lost');
  };

  const answerClient = (id: number, request: number, result: PlaceResult): void => {
    const keys = requests[request]?.map(({ key }) => key) ?? [];
    say(`${id}->client ${resultWords(result, keys)}`);
    if (!result.ok) return;
    for (const outcome of result.outcomes) {
      if ('sequence' in outcome && outcome.sequence > 0) acknowledged.set(outcome.key, outcome.sequence);
    }
  };

  // The configuration manager

  const newElection = (record: ClusterRecord | null) =>
    createElection({
      replicas: Array.from({ length: options.replicas }, (_, place) => place + 1),
      limits: { suspectAfterMs: SUSPECT_AFTER_MS },
      record,
      newStoreId: `store-${fronts}`,
      now,
      without: ELECTION_RULES.filter((rule) => options.without.includes(rule)),
    });
  let election = newElection(null);

  const tell = (given: ElectionInput): void => {
    if (!frontIsUp) return;
    for (const effect of stepElection(election, given)) performElection(effect);
  };

  const performElection = (effect: ElectionEffect): void => {
    switch (effect.type) {
      case 'store':
        say(`front records ${recordWords(effect.record, records.at(-1) ?? null)}`);
        records.push(effect.record);
        return;
      case 'notify':
        queue.push(() => check(effect.to));
        return;
      case 'refuse':
        say(`front->${effect.to} proposal refused at version ${effect.version}`);
        refused.set(effect.to, { proposal: effect.proposal, version: effect.version });
        queue.push(() => check(effect.to));
    }
  };

  /** A health check: brings the record there and the status back. */
  const check = (id: number): void => {
    const node = nodes.get(id);
    if (!frontIsUp || node === undefined || dropped.has(`front->${id}`) || dropped.has(`${id}->front`)) return;
    const { replica } = node;
    if (replica === null) {
      tell({ type: 'gone', now, id });
      return;
    }
    const { record } = election;
    const told = refused.get(id);
    refused.delete(id);
    deliver('front', id, () => {
      if (told !== undefined) input(node, { type: 'refused', ...told });
      if (record !== null) input(node, { type: 'record', record });
      if (node.isPaused || node.replica === null) return;
      const status = statusOf(node.replica);
      deliver(id, 'front', () => tell({ type: 'status', now, status }));
    });
  };

  // Time

  const pass = (): void => {
    now += TICK_MS;
    for (const node of nodes.values()) {
      if (node.replica !== null && !node.isPaused) input(node, { type: 'tick', now });
      run();
    }
    if (now % HEALTH_EVERY_MS !== 0) return;
    for (const id of nodes.keys()) {
      check(id);
      run();
    }
    tell({ type: 'tick', now });
    run();
  };

  const summary = (): string =>
    JSON.stringify([
      election.record,
      [...nodes.values()].map(({ replica }) => replica && [replicaWords(replica), replica.leaving]),
      catalog.stock.sequence,
      requests.length,
    ]);

  const start = (id: number): void => {
    const known = nodes.get(id);
    const node: Node = known ?? { id, disk: createDisk(), replica: null, runs: 0, isPaused: false, inbox: [] };
    nodes.set(id, node);
    if (node.replica !== null) throw new Error(`Replica ${id} is running`);
    node.runs += 1;
    node.replica = createReplica({
      id,
      boot: `${id}${'abcdefghij'[node.runs - 1]}`,
      limits: replicaLimits,
      durable: node.disk.durable,
      log: createLog(node.disk.entries),
      now,
      halted: node.disk.halted,
      without: REPLICA_RULES.filter((rule) => options.without.includes(rule)),
    });
  };

  const crash = (id: number): void => {
    const node = nodeOf(id);
    node.replica = null;
    node.inbox = [];
    node.isPaused = false;
    node.disk.crash();
  };

  const linksOf = (one: string): string[] =>
    ['front', 'catalog', ...nodes.keys()].flatMap((other) => [`${one}->${other}`, `${other}->${one}`]);

  for (let id = 1; id <= options.replicas; id += 1) start(id);

  return {
    transcript,
    acknowledged,
    run,
    pass(ms: number): void {
      for (const until = now + ms; now < until; ) pass();
    },
    /** Lets time pass until nothing has changed for a while. */
    settle(): void {
      const until = now + SETTLE_MS_MAX;
      for (let before = summary(), since = now; now - since < QUIET_MS; ) {
        if (now > until) {
          say('(does not settle)');
          return;
        }
        pass();
        const after = summary();
        if (after !== before) since = now;
        before = after;
      }
    },
    /** Sends something that is to be decided to a replica, or to whoever the front says leads. */
    place(placed: Placed, to: { id: number | null; term: number | null }): void {
      const found = leaderOf(election);
      if (to.id === null && 'reason' in found) {
        say(`front->client ${placed.key} not answered: ${found.reason}`);
        return;
      }
      const id = to.id ?? ('leader' in found ? found.leader.id : 0);
      const term = to.term ?? election.record?.term ?? 0;
      requests.push([placed]);
      const request = requests.length - 1;
      say(`front->${id} place ${placed.key} in term ${term}`);
      const node = nodeOf(id);
      deliver('front', id, () => input(node, { type: 'propose', request, term, orders: [placed] }));
      run();
    },
    /** What the leader says of something that can be looked up. */
    find(query: Query): void {
      const found = leaderOf(election);
      const replica = 'leader' in found ? nodeOf(found.leader.id).replica : null;
      const isReadableNow = replica !== null && isReadable(replica, election.record?.term ?? 0);
      say(isReadableNow ? foundWords(query, findIn(replica.log, replica.commitIndex, query)) : 'nobody can say');
    },
    drop(links: string[]): void {
      for (const link of links) dropped.add(link);
    },
    linksOf,
    heal: () => dropped.clear(),
    hold: (link: string) => held.set(link, held.get(link) ?? []),
    release(link: string): void {
      queue.push(...(held.get(link) ?? []));
      held.delete(link);
      run();
    },
    /** The first message that waits on the link goes on; the others, and later ones, wait. */
    releaseFirst(link: string): void {
      queue.push(...(held.get(link)?.splice(0, 1) ?? []));
      run();
    },
    holdDisk(id: number): void {
      nodeOf(id).disk.isHeld = true;
    },
    releaseDisk(id: number): void {
      nodeOf(id).disk.release();
      run();
    },
    /** The disk ends the first thing that it has to do, and hangs again. */
    releaseOnce(id: number): void {
      nodeOf(id).disk.releaseOnce();
      run();
    },
    start,
    crash,
    /** Everything that the replica ever kept is gone. */
    wipe(id: number): void {
      nodeOf(id).disk = createDisk();
    },
    /** The disk of a stopped replica loses its log from an index on, though it said that it had it. */
    loseLog(id: number, from: number): void {
      nodeOf(id).disk.entries.length = from - 1;
    },
    /** The log of a stopped replica has something else at its end. */
    forgeLog(id: number): void {
      const { entries } = nodeOf(id).disk;
      const last = entries.pop();
      if (last === undefined) throw new Error('The log is empty');
      const body = (unseal(last.line)?.body ?? '').replace(/"time":\d+/, '"time":0');
      entries.push({ ...last, ...seal(entries.at(-1)?.hash ?? '', body) });
    },
    pause(id: number): void {
      nodeOf(id).isPaused = true;
    },
    resume(id: number): void {
      const node = nodeOf(id);
      node.isPaused = false;
      input(node, { type: 'tick', now });
      for (const given of node.inbox.splice(0)) input(node, given);
      run();
    },
    leave(id: number): void {
      input(nodeOf(id), { type: 'leave' });
    },
    gone(id: number): void {
      tell({ type: 'gone', now, id });
      run();
    },
    crashFront(): void {
      frontIsUp = false;
    },
    /** A new front: with the record that the old one stored, an older one, or none. */
    startFront(version: number | 'stored' | 'none'): void {
      frontIsUp = true;
      fronts += 1;
      const record = version === 'stored' ? records.at(-1) : records.find((one) => one.version === version);
      election = newElection(version === 'none' ? null : (record ?? null));
    },
    crashCatalog(): void {
      catalogIsUp = false;
    },
    startCatalog(): void {
      catalogIsUp = true;
    },
    catalogLoses: catalog.lose,
    restock(): void {
      const count = catalog.restock(10, now);
      say(`catalog restocks ${count} ${count === 1 ? 'product' : 'products'}`);
    },
    /** An old record arrives once more. */
    lateRecord(version: number, id: number): void {
      const record = records.find((one) => one.version === version);
      if (record === undefined) throw new Error(`There was no record of version ${version}`);
      input(nodeOf(id), { type: 'record', record });
      run();
    },
    /** The last message of a kind that went over a link arrives once more. */
    again(from: number, to: number, type: string): void {
      const message = lastMessages.get(`${from}->${to} ${type}`);
      if (message === undefined) throw new Error(`There was no ${type} from ${from} to ${to}`);
      input(nodeOf(to), { type: 'message', from, message });
      run();
    },
    show(): void {
      const { record } = election;
      const found = leaderOf(election);
      const leads = 'leader' in found ? `${found.leader.id} leads` : found.reason;
      say(
        frontIsUp ? `front: ${leads}; ${record === null ? 'no record' : recordWords(record, record)}` : 'front: down',
      );
      for (const { id, replica, isPaused } of nodes.values()) {
        const alive = frontIsUp && !isAlive(election, id) ? '  (dead to the front)' : '';
        const readable = replica !== null && isReadable(replica, election.record?.term ?? 0) ? '  readable' : '';
        const words = replica === null ? 'down' : `${replicaWords(replica)}${readable}`;
        say(`${id}: ${words}${isPaused ? '  paused' : ''}${alive}`);
      }
      const stock = [...catalog.stock.products.values()].map(({ name, quantity }) => `${name} ${quantity}`);
      say(`catalog: ${catalogIsUp ? '' : 'down, '}sequence ${catalog.stock.sequence}, ${stock.join(', ')}`);
    },
    /** The one promise behind everything: acknowledged orders that an undamaged, running member of the set lacks. */
    lost(): string[] {
      const record = records.at(-1);
      return [...acknowledged].flatMap(([key, sequence]) =>
        (record?.inSync ?? []).flatMap(({ id, incarnation }) => {
          const replica = nodes.get(id)?.replica ?? null;
          const run = record?.registered.find((one) => one.id === id);
          if (replica === null || run?.boot !== replica.boot || run.incarnation !== incarnation || !replica.clean)
            return [];
          return nodeOf(id).disk.entries.some(({ line }) => line.includes(`"movement":{"sequence":${sequence},`))
            ? []
            : [`${id} lacks ${key}`];
        }),
      );
    },
  };
};
