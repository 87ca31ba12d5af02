/** The catalog's journal: movements as sealed lines in one file. Line n is the movement with sequence n. */
import { assert } from '@till/shared/assert';
import { type JournalFailed, openJournal, type TornTail } from '@till/shared/journal';
import type { JournalFiles } from '@till/shared/journal-files';
import type { Movement } from '@till/shared/movement';
import { seal, unseal } from '@till/shared/sealed';
import { createRecentLines, type Page } from './recent-lines.ts';

export type MovementJournal = {
  /** Resolves when the movements, which follow from what is there, are on disk. */
  append(movements: readonly Movement[]): Promise<void>;
  /** The sealed lines of what is on disk after a sequence, cut at the bounds, but at least one if there is any. */
  after(after: number, bounds: { linesMax: number; bytesMax: number }): Promise<Page>;
  /** The movement at a sequence that is on disk. It waits for the disk if it is not among the last ones. */
  movement(sequence: number): Movement;
  close(): Promise<void>;
};

export type MovementJournalOptions = {
  path: string;
  /** How much of the end is kept in memory. */
  recent: { linesMax: number; bytesMax: number };
  /** Called at open for each movement that is there, in order. */
  onMovement(movement: Movement): void;
  onFailed(error: JournalFailed): void;
  files?: JournalFiles;
};

/** Also returns what was cut off at open: the beginning of a line that nobody was told of. */
export const openMovementJournal = async (
  options: MovementJournalOptions,
): Promise<{ journal: MovementJournal; torn: TornTail | null }> => {
  const { path, onMovement, onFailed, files } = options;
  const recent = createRecentLines({ sequence: 0, ...options.recent });
  let sequence = 0;
  const mustBeNext = (movement: Movement, next: number): void =>
    assert(movement.sequence === next, () => `Line ${next} of ${path} has sequence ${movement.sequence}`);
  const take = (line: string): void => {
    sequence += 1;
    recent.push(sequence, line);
  };
  const file = await openJournal({
    path,
    onLine: (line) => {
      const movement = movementOf(line);
      mustBeNext(movement, sequence + 1);
      take(line);
      onMovement(movement);
    },
    onFailed,
    ...(files === undefined ? {} : { files }),
  });

  const journal: MovementJournal = {
    append: async (movements) => {
      let hash = file.lastHash;
      const lines = movements.map((movement, at) => {
        mustBeNext(movement, sequence + 1 + at);
        const sealed = seal(hash, JSON.stringify(movement));
        hash = sealed.hash;
        return sealed.line;
      });
      await file.append(lines);
      lines.forEach(take);
    },
    after: async (after, bounds) => {
      if (after + 1 >= recent.first()) return after >= sequence ? NOTHING : recent.after(after, bounds);
      const to = sequence;
      const lines = await file.lines({ from: after + 1, countMax: bounds.linesMax, bytesMax: bounds.bytesMax });
      return { lines, more: after + lines.length < to };
    },
    movement: (at) => {
      const [line] = at < recent.first() ? [] : recent.after(at - 1, { linesMax: 1, bytesMax: 0 }).lines;
      return movementOf(line ?? file.line(at));
    },
    close: () => file.close(),
  };
  return { journal, torn: file.torn };
};

const NOTHING: Page = { lines: [], more: false };

const movementOf = (line: string): Movement => {
  const unsealed = unseal(line);
  assert(unsealed !== null, 'A journal only gives lines that it has checked');
  return JSON.parse(unsealed.body) as Movement;
};
