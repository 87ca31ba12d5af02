/** The commands of a scenario: one line of text each, `;` between two, `#` before a remark. */
import type { PlacedOrder } from '@till/shared/movement';
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
  order: (cluster, words) =>
    cluster.order(orderOf(words), { id: numberAfter(words, 'at'), term: numberAfter(words, 'term') }),

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
    if (what !== 'fsync') cluster.release(what);
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

/** `order k1 Fox 2 Tux 1 at 3 term 4`: a key, then names and quantities. */
const orderOf = (words: string[]): PlacedOrder => {
  const ends = ['at', 'term'].map((word) => words.indexOf(word)).filter((place) => place !== -1);
  const [key = '', ...pairs] = words.slice(0, Math.min(words.length, ...ends));
  const lines = [];
  for (let at = 0; at < pairs.length; at += 2) lines.push({ name: pairs[at] ?? '', quantity: Number(pairs[at + 1]) });
  return { key, fingerprint: pairs.join(' '), order: { lines } };
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
