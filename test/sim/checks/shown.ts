/**
 * What the front has let out (I12): a product never goes back behind what was shown of it, nor behind what an answer
 * with a sequence had revealed when the lookup began; and what is shown is what the journal says of that version.
 */
import { mustHold } from '../violation.ts';
import type { JournalCheck } from './journal.ts';

export type ShownCheck = {
  /** Highest sequence that is known outside. A lookup that begins now must see it. */
  revealed(): number;
  product(shown: { name: string; version: number; price: number; quantity: number }, since: number): void;
  /** An answer that reveals a sequence goes out. `applied`: how far the cache is, or null while it is bypassed. */
  reply(sequence: number, applied: number | null): void;
};

export const createShownCheck = (journal: JournalCheck): ShownCheck => {
  const shown = new Map<string, number>();
  let revealed = 0;
  return {
    revealed: () => revealed,
    product: ({ name, version, price, quantity }, since) => {
      const least = Math.max(shown.get(name) ?? 0, journal.versionAt(name, since));
      mustHold(version >= least, 'I12', () => `"${name}" is shown at version ${version}, and must be at ${least}`);
      shown.set(name, version);
      const known = journal.product(name, version);
      mustHold(known?.price === price && known.quantity === quantity, 'I12', () => {
        return `"${name}" is shown with ${quantity} at version ${version}, the journal has ${known?.quantity}`;
      });
    },
    reply: (sequence, applied) => {
      mustHold(sequence <= journal.sequence(), 'I12', () => `sequence ${sequence} is revealed and not on disk`);
      mustHold(
        applied === null || applied >= sequence,
        'I12',
        () => `a reply reveals ${sequence} while the cache is at ${applied}`,
      );
      revealed = Math.max(revealed, sequence);
    },
  };
};
