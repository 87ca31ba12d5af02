/** Opens a journal with its indexes and puts together what is known of its lines, from columns and from lines alike. */
import { type Journal, type JournalOptions, openJournal } from '@till/shared/journal';
import { factsOf, type LineFacts } from '@till/shared/line-facts';

export type Picture = {
  /** Each key's hash and line. */
  keys: string[];
  /** The line of each order, by number. */
  orders: [number, number][];
  rare: number[];
  /** Lines that were read one by one, because no index knew them. */
  scanned: number[];
};

export const openWithPicture = async (
  options: Omit<JournalOptions, 'onLine' | 'index'>,
): Promise<{ journal: Journal; picture: Picture }> => {
  const picture: Picture = { keys: [], orders: [], rare: [], scanned: [] };
  const journal = await openJournal({
    ...options,
    onLine(_line, _hash, number, facts) {
      picture.scanned.push(number);
      take(picture, number, facts);
    },
    index: {
      onColumns({ first, keyHashes, keyLines, orderFirst, orderLines, rareLines }) {
        for (const [at, hash] of keyHashes.entries()) picture.keys.push(`${hash} ${first + (keyLines[at] as number)}`);
        for (const [at, line] of orderLines.entries()) picture.orders.push([orderFirst + at, first + line]);
        for (const line of rareLines) picture.rare.push(first + line);
      },
    },
  });
  return { journal, picture };
};

/** What the lines themselves say. */
export const pictureOf = (lines: string[]): Omit<Picture, 'scanned'> => {
  const { scanned: _, ...picture }: Picture = { keys: [], orders: [], rare: [], scanned: [] };
  for (const [at, line] of lines.entries()) take(picture, at + 1, factsOf(line));
  return picture;
};

const take = (picture: Omit<Picture, 'scanned'>, number: number, { kind, number: order, hashes }: LineFacts): void => {
  for (const hash of hashes) picture.keys.push(`${hash} ${number}`);
  if (kind === 'order') picture.orders.push([order, number]);
  if (kind === 'rare') picture.rare.push(number);
};
