/**
 * Files that lose, in a crash, what was not yet synced.
 *
 * A line file takes appends and cuts in order; a sync makes durable whatever had been done when it began. A crash keeps
 * what is durable and, of the rest, any beginning: some operations whole, then a part of the lines of the next. (A line
 * of which only a part was written is cut at the next start, so here it is simply not there.) A document is replaced
 * whole and durable at once: temp, sync, rename, sync of the folder.
 */
import { assert } from '@till/shared/assert';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

type Operation = { kind: 'append'; lines: string[] } | { kind: 'cut'; length: number };

export type LineFile = {
  /** What a crash at this moment would surely leave. */
  readonly durable: readonly string[];
  append(lines: string[]): void;
  /** Keeps the first `length` lines. */
  cut(length: number): void;
  /** Calls back when everything done so far is durable. Syncs that wait for the disk become one. */
  sync(done: () => void): void;
  /** The file is gone, but for its first `kept` lines. */
  lose(kept: number): void;
};

export type Disk = {
  /** How long a sync takes; a fault may raise it. */
  syncMsMax: number;
  file(options: { onDurable: (lines: readonly string[], kept: number) => void }): LineFile;
  document<Content>(): Document<Content>;
};

export type Document<Content> = { read(): Content | null; write(content: Content): void; lose(): void };

export const createDisk = (world: World, machine: Machine, syncMsMax: number): Disk => {
  const { chance } = world;
  const disk: Disk = {
    syncMsMax,
    document: () => {
      let text: string | null = null;
      return {
        read: () => (text === null ? null : JSON.parse(text)),
        write: (content) => {
          text = JSON.stringify(content);
        },
        lose: () => {
          text = null;
        },
      };
    },
    file: ({ onDurable }) => {
      const durable: string[] = [];
      let operations: Operation[] = [];
      let waiting: (() => void)[] = [];
      let syncing = false;

      const settle = (settled: Operation[]): void => {
        let kept = durable.length;
        for (const operation of settled) {
          if (operation.kind === 'cut') {
            assert(operation.length <= durable.length, 'A file can only be cut to less than it has');
            durable.length = operation.length;
            kept = Math.min(kept, operation.length);
          } else for (const line of operation.lines) durable.push(line);
        }
        onDurable(durable, kept);
      };

      const beginSync = (): void => {
        syncing = true;
        const calls = waiting;
        const count = operations.length;
        waiting = [];
        machine.after(chance.between(0.1, disk.syncMsMax), () => {
          settle(operations.splice(0, count));
          syncing = false;
          if (waiting.length > 0) beginSync();
          for (const call of calls) call();
        });
      };

      machine.onDown(() => {
        const survivors = operations.slice(0, chance.integer(0, operations.length));
        const next = operations[survivors.length];
        if (next?.kind === 'append') {
          survivors.push({ kind: 'append', lines: next.lines.slice(0, chance.integer(0, next.lines.length)) });
        }
        if (operations.length > 0) world.count('crashes with unsynced lines');
        operations = [];
        waiting = [];
        syncing = false;
        settle(survivors);
      });

      return {
        durable,
        append: (lines) => {
          operations.push({ kind: 'append', lines: [...lines] });
        },
        cut: (length) => {
          operations.push({ kind: 'cut', length });
        },
        lose: (kept) => {
          assert(operations.length === 0, 'Only a file that nobody writes is lost');
          durable.length = Math.min(durable.length, kept);
        },
        sync: (done) => {
          waiting.push(done);
          if (!syncing) beginSync();
        },
      };
    },
  };
  return disk;
};
