/**
 * Decides commands on a view of the stock: which movements they make, and what is answered for whatever was placed.
 *
 * Every command of a batch sees what the ones before it did, because each movement is taken into an overlay on the view
 * by the same code that later takes it into the stock. So a batch decides exactly as its commands one at a time would.
 * Nothing here changes the view: until the movements are on disk, nobody else sees them.
 */
import type { Movement, Outcome, Placed, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { recordMovement } from './apply.ts';
import { decideCancel } from './cancel.ts';
import { decideCheckout } from './checkout.ts';
import { decideNote } from './note.ts';
import { decideOrder } from './order.ts';
import { createOverlay } from './overlay.ts';
import type { Base, Circumstances, Command, Decided, StockRule, Target, Verdict, View } from './types.ts';

/** An older term than the highest known one is a deposed leader's, and must move nothing any more. */
export const accepts = (knownTerm: number, term: number): boolean => term >= knownTerm;

export const decide = (view: View, circumstances: Circumstances, commands: readonly Command[]): Decided => {
  const { term, now, without = ALL_RULES } = circumstances;
  const movements: Movement[] = [];
  const outcomes: Outcome[] = [];
  const target = createOverlay(view, movements);
  const record = (movement: Movement): void => {
    recordMovement(target, movement);
    movements.push(movement);
  };
  for (const command of commands) {
    const base = { sequence: target.sequence + 1, term, time: Math.max(target.time, now) };
    switch (command.kind) {
      case 'place': {
        const { outcome, movement } = judge(target, base, command.placed, without);
        outcomes.push(outcome);
        if (movement !== null) record(movement);
        break;
      }
      case 'restock': {
        const stock = restockChange(target, command);
        if (stock !== null) record({ ...base, kind: 'restock', cause: command.cause, stock: [stock] });
        break;
      }
      case 'fence':
        record({ ...base, kind: 'fence' });
        break;
      case 'seed':
        record({ ...base, kind: 'seed', products: command.products });
        break;
    }
  }
  return { movements, outcomes };
};

const ALL_RULES: ReadonlySet<StockRule> = new Set();

const judge = (target: Target, base: Base, placed: Placed, without: ReadonlySet<StockRule>): Verdict => {
  if ('order' in placed) return decideOrder(target, base, placed, without);
  if ('cancel' in placed) return decideCancel(target, base, placed, without);
  if ('checkout' in placed) return decideCheckout(target, base, placed);
  return decideNote(target, base, placed, without);
};

/** Only what is sold out since exactly the named movement is filled up, so one cause restocks at most once. */
const restockChange = (target: Target, command: Extract<Command, { kind: 'restock' }>): StockChange | null => {
  const product = target.product(foldName(command.name));
  const due = product?.restock === true && product.quantity === 0 && product.version === command.cause;
  return due && command.level > 0 ? { name: product.name, before: 0, after: command.level } : null;
};
