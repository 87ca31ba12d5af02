/**
 * Which books to suggest for a basket. What was bought together is read from the catalog's journal, page by page: in the
 * background, and again at each question, as far as the time allows. A journal that turns out to be another one (restored from
 * a copy, or begun anew) is read from its beginning.
 */
import { deadline, sleep } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Movement } from '@till/shared/movement';
import { unseal } from '@till/shared/sealed';
import type { Check } from './check.ts';
import type { Basket, Suggestions } from './contract.ts';
import { createTogether, type Together } from './together.ts';

/** Reads sealed lines of the catalog's journal: those after a sequence. */
export type HistoryReader = (range: { after: number; limit: number }) => Promise<{ lines: string[]; more: boolean }>;

export type Suggesting = {
  suggest: Check<Basket, Suggestions>;
  /** Whether the catalogue is known, without which nothing can be suggested. */
  isReady(): boolean;
  /** Up to which sequence the journal was read. */
  sequence(): number;
  /** Ends the reading in the background. */
  close(): void;
};

export type SuggestionsOptions = {
  history: HistoryReader;
  /** Pause of the background between two looks at the journal's end. */
  everyMs?: number;
  /** How long a question may wait for the newest movements before it is answered without them. */
  waitMs?: number;
  /** The journal cannot be read; told once until it can be read again. */
  onFailed(error: unknown): void;
};

export const createSuggestions = (options: SuggestionsOptions): Suggesting => {
  const { history } = options;
  const waitMs = options.waitMs ?? limits.suggestionsWaitMs;
  const closing = new AbortController();
  let read = beginning();
  let reading: Promise<void> | null = null;
  let isFailureTold = false;

  /** One reading at a time: whoever asks meanwhile waits for it. */
  const catchUp = (): Promise<void> => {
    reading ??= readToEnd().finally(() => {
      reading = null;
    });
    return reading;
  };

  const readToEnd = async (): Promise<void> => {
    try {
      let more = await isSameJournal();
      while (more && !closing.signal.aborted) {
        const page = await history({ after: read.sequence, limit: limits.movementsPerReadMax });
        for (const line of page.lines) take(line);
        more = page.more;
        if (more) await sleep(PAUSE_MS, closing.signal);
      }
      isFailureTold = false;
    } catch (error) {
      if (!isFailureTold && !closing.signal.aborted) options.onFailed(error);
      isFailureTold = true;
      throw error;
    }
  };

  /** Asks for the last line that was read too: if it is another one now, all that was counted is of another journal. */
  const isSameJournal = async (): Promise<boolean> => {
    if (read.lastLine === null) return true;
    const page = await history({ after: read.sequence - 1, limit: limits.movementsPerReadMax });
    const [line, ...newer] = page.lines;
    if (line !== read.lastLine) {
      read = beginning();
      return true;
    }
    for (const one of newer) take(one);
    return page.more;
  };

  const take = (line: string): void => {
    const unsealed = unseal(line);
    if (unsealed === null) throw new Error(`Cannot use movement ${read.sequence + 1}: its line is damaged`);
    const movement = JSON.parse(unsealed.body) as Movement;
    if (movement.sequence !== read.sequence + 1) {
      throw new Error(`Cannot use movement ${movement.sequence}: it does not follow ${read.sequence}`);
    }
    read.together.take(movement);
    read.sequence = movement.sequence;
    read.lastLine = line;
  };

  const background = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await catchUp().catch(isToldAlready);
      await sleep(options.everyMs ?? limits.suggestionsEveryMs, closing.signal);
    }
  };
  void background();

  return {
    suggest: async ({ items }, { signal }) => {
      signal.throwIfAborted();
      // Older counts are good enough, if there are any.
      await deadline(catchUp(), waitMs).catch(isToldAlready);
      signal.throwIfAborted();
      if (!read.together.hasCatalogue()) {
        throw new Problem(503, 'catalog_away', 'Cannot suggest books: the journal is not read yet');
      }
      return { books: read.together.suggest(items, limits.suggestionsMax) };
    },
    isReady: () => read.together.hasCatalogue(),
    sequence: () => read.sequence,
    close: () => closing.abort(),
  };
};

/** Between pages, so that a long journal leaves time for everything else. */
const PAUSE_MS = 5;

type Read = { sequence: number; lastLine: string | null; together: Together };

const beginning = (): Read => ({
  sequence: 0,
  lastLine: null,
  together: createTogether({ booksMax: limits.booksKnownMax, pairsPerBookMax: limits.pairsPerBookMax }),
});

/** `onFailed` has heard of it, or it only takes longer than one may wait. */
const isToldAlready = (): void => {};
