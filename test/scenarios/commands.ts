/** The commands of a scenario: one line of text each, `;` between two, `#` before a remark. */
import { fingerprintOf } from '@till/shared/fingerprint';
import { cancelKey, noteKey, orderIdKey } from '@till/shared/keys';
import type { Line, Placed } from '@till/shared/movement';
import { type Cluster, createCluster } from './cluster.ts';

/** Runs a scenario's command lines; returns what each of them has written down. */
export const createRunner = (): ((line: string) => string[]) => {
  let cluster: Cluster | null = null;
  return (line) => {
    const written: string[] = [];
    const [commands = ''] = line.split('#');
    for (const command of commands.split(';').map((text) => text.trim())) {
      if (command === '') continue;
      const [verb = '', ...rest] = command.split(/\s+/);
      const isQuiet = rest.at(-1) === 'quietly';
      const words = isQuiet ? rest.slice(0, -1) : rest;
      if (verb === 'start') {
        const isWithout = words[1] === 'without';
        cluster = createCluster({
          replicas: Number(words[0]),
          minInSync: words[1] === 'least' ? Number(words[2]) : 1,
          rotateLeader: words[1] === 'rotating',
          without: isWithout ? words.slice(2) : [],
        });
        if (isQuiet) cluster.settle();
      } else if (cluster === null) throw new Error('A scenario begins with: start <replicas>');
      else perform(cluster, verb, words);
      const lines = cluster.transcript.splice(0);
      if (!isQuiet) written.push(...lines);
      written.push(...cluster.lost().map((words) => `LOST: ${words}`));
    }
    return written;
  };
};

const perform = (cluster: Cluster, verb: string, words: string[]): void => {
  const command = commands[verb];
  if (command === undefined) throw new Error(`No such command: ${verb}`);
  command(cluster, words);
};

const commands: Record<string, (cluster: Cluster, words: string[]) => void> = {
  tick: (cluster, [ms]) => cluster.pass(Number(ms)),
  settle: (cluster) => cluster.settle(),

  // What is to be decided: by whoever leads, or `at 3`, or in `term 4`
  order: (cluster, words) => cluster.place(orderOf(words), toOf(words)),
  cancel: (cluster, words) => cluster.place(cancelOf(words), toOf(words)),
  checkout: (cluster, words) => cluster.place(checkoutOf(words), toOf(words)),
  note: (cluster, words) => cluster.place(noteOf(words), toOf(words)),
  find: (cluster, [kind, name = '']) =>
    cluster.find(kind === 'checkout' ? { checkout: name } : { key: kind === 'order' ? orderIdKey(name) : name }),

  // Links: `1->3`, `front->2`, `catalog->3`
  drop: (cluster, links) => cluster.drop(links),
  cut: (cluster, pairs) => cluster.drop(pairs.flatMap(bothWays)),
  isolate: (cluster, [one = '']) => cluster.drop(cluster.linksOf(one)),
  heal: (cluster) => cluster.heal(),
  hold(cluster, [what = '', id]) {
    if (what === 'fsync') cluster.holdDisk(Number(id));
    else cluster.hold(what);
  },
  release(cluster, [what = '', id, once]) {
    if (what !== 'fsync') id === 'once' ? cluster.releaseFirst(what) : cluster.release(what);
    else if (once === 'once') cluster.releaseOnce(Number(id));
    else cluster.releaseDisk(Number(id));
  },

  // Processes: `crash 2 3`, `crash front`, `restart catalog`
  crash(cluster, names) {
    for (const name of names) {
      if (name === 'front') cluster.crashFront();
      else if (name === 'catalog') cluster.crashCatalog();
      else cluster.crash(Number(name));
    }
  },
  restart(cluster, names) {
    if (names[0] === 'front') cluster.startFront(frontRecord(names));
    else if (names[0] === 'catalog') cluster.startCatalog();
    else for (const name of names) cluster.start(Number(name));
  },
  pause: (cluster, [id]) => cluster.pause(Number(id)),
  resume: (cluster, [id]) => cluster.resume(Number(id)),
  leave: (cluster, [id]) => cluster.leave(Number(id)),
  gone: (cluster, [id]) => cluster.gone(Number(id)),
  restock: (cluster) => cluster.restock(),

  // Disks of processes that are stopped
  wipe: (cluster, [id]) => cluster.wipe(Number(id)),
  lose(cluster, [what, ...rest]) {
    if (what === 'catalog') cluster.catalogLoses(Number(rest[0]));
    else cluster.loseLog(Number(what), Number(rest[1]));
  },
  forge: (cluster, [id]) => cluster.forgeLog(Number(id)),

  // Messages that arrive once more: `late record 3 to 2`, `again 2->3 ack`
  late: (cluster, [, version, , id]) => cluster.lateRecord(Number(version), Number(id)),
  again(cluster, [link = '', type = '']) {
    const [from, to] = link.split('->');
    cluster.again(Number(from), Number(to), type);
  },
  show: (cluster) => cluster.show(),
};

/** Words that end the list of products. */
const ENDS = ['id', 'at', 'term'];

const toOf = (words: string[]) => ({ id: numberAfter(words, 'at'), term: numberAfter(words, 'term') });

/** `k1 Fox 2 Tux 1 ...`: a name, then products and how many. */
const namedLines = (words: string[]): { name: string; lines: Line[] } => {
  const ends = ENDS.map((word) => words.indexOf(word)).filter((place) => place !== -1);
  const [name = '', ...pairs] = words.slice(0, Math.min(words.length, ...ends));
  const lines = [];
  for (let at = 0; at < pairs.length; at += 2) lines.push({ name: pairs[at] ?? '', quantity: Number(pairs[at + 1]) });
  return { name, lines };
};

/** `order k1 Fox 2 Tux 1`, under the key k1; `order k1 Fox 2 id o1`, under the order id o1 and that key. */
const orderOf = (words: string[]): Placed => {
  const { name: key, lines } = namedLines(words);
  const orderId = words[words.indexOf('id') + 1];
  if (!words.includes('id') || orderId === undefined)
    return { key, fingerprint: fingerprintOf({ lines }), order: { lines } };
  const order = { lines, orderId };
  return { key: orderIdKey(orderId), fingerprint: fingerprintOf(order), order, alsoKey: key };
};

/** `cancel o1`: the order with that order id. */
const cancelOf = ([orderId = '']: string[]): Placed => ({
  key: cancelKey(orderId),
  cancel: { of: orderIdKey(orderId) },
});

/** `checkout c1 Fox 2`: under the key c1, which is also its id. */
const checkoutOf = (words: string[]): Placed => {
  const { name: id, lines } = namedLines(words);
  const customer = `customer of ${id}`;
  return { key: id, fingerprint: fingerprintOf({ lines, customer }), checkout: { id, lines, customer, card: '4242' } };
};

/** `note shop 5 after 0`: the sink has got up to 5; this is on top of its note at 0. `dead 4`: that one was given up. */
const noteOf = (words: string[]): Placed => {
  const [sink = '', delivered] = words;
  const letter = numberAfter(words, 'dead');
  const dead = letter === null ? [] : [{ sequence: letter, attempts: 10, error: 'refused' }];
  const after = numberAfter(words, 'after') ?? 0;
  return { key: noteKey(sink), note: { sink, after, delivered: Number(delivered), dead, again: [] } };
};

const numberAfter = (words: string[], word: string): number | null => {
  const at = words.indexOf(word);
  return at === -1 ? null : Number(words[at + 1]);
};

/** `1-3`: both directions. */
const bothWays = (pair: string): string[] => {
  const [one = '', other = ''] = pair.split('-');
  return [`${one}->${other}`, `${other}->${one}`];
};

/** `restart front`, `restart front version 4`, `restart front without record`. */
const frontRecord = (words: string[]): number | 'stored' | 'none' => {
  if (words[1] === 'without') return 'none';
  return words[1] === 'version' ? Number(words[2]) : 'stored';
};
