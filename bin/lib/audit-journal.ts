/**
 * The rules of the catalog's journal, one movement at a time. Written from docs/log-format.md alone and without a line
 * of the code that decides: an audit that asks the audited proves nothing.
 */
import type {
  Movement,
  OrderMovement,
  RejectionMovement,
  RestockMovement,
  SeedMovement,
  StockChange,
} from '@till/shared/movement';
import type { Findings, Rule } from './audit-findings.ts';

type ProductAccount = {
  /** As the chain of movements leaves it. */
  quantity: number;
  /** Sequence of the movement that changed it last. */
  version: number;
  restock: boolean;
  /** The same from the orders themselves. */
  start: number;
  bought: number;
  sold: number;
  restocked: number;
};

export type JournalAudit = {
  /** The next movement; `line` is where it stands, for people. */
  take(movement: Movement, line: number): void;
  /** A line that cannot be read: what follows is taken at its word. */
  passOver(): void;
  finish(): { orders: number; lastSequence: number; lastTerm: number };
};

export const createJournalAudit = (findings: Findings): JournalAudit => {
  const products = new Map<string, ProductAccount>();
  const keys = new Set<string>();
  let sequence = 0;
  let number = -1;
  let orders = 0;
  let term = 0;
  let time = 0;
  /** True right after a line that cannot be read, which may have done anything. */
  let blind = false;
  let everBlind = false;
  let place = '';

  const expect = (rule: Rule, holds: boolean, detail: () => string): void => {
    findings.checked(rule);
    if (!holds) findings.problem(rule, `${place}: ${detail()}`);
  };

  const takeSeed = (movement: SeedMovement): void => {
    expect('journal.seed', movement.sequence === 1, () => 'a seed is not the first movement');
    for (const { name, quantity, restock } of movement.products) {
      expect('journal.seed', !products.has(name), () => `the seed names ${JSON.stringify(name)} twice`);
      expect('journal.stock', isCount(quantity), () => `the seed has ${quantity} of ${JSON.stringify(name)}`);
      products.set(name, {
        quantity,
        version: movement.sequence,
        restock,
        start: quantity,
        bought: 0,
        sold: 0,
        restocked: 0,
      });
    }
  };

  /** What the lines of an order ask of each product. */
  const sumLines = (movement: OrderMovement | RejectionMovement): Map<string, number> => {
    const sums = new Map<string, number>();
    const { lines } = movement.order;
    expect('journal.form', lines.length > 0, () => 'an order without lines');
    for (const { name, quantity } of lines) {
      expect(
        'journal.form',
        isCount(quantity) && quantity > 0,
        () => `an order of ${quantity} of ${JSON.stringify(name)}`,
      );
      expect('journal.stock', products.has(name) || everBlind, () => `no such product: ${JSON.stringify(name)}`);
      sums.set(name, (sums.get(name) ?? 0) + quantity);
    }
    return sums;
  };

  const takeKey = ({ key }: OrderMovement | RejectionMovement): void => {
    expect('journal.keys', !keys.has(key), () => `key ${JSON.stringify(key)} was decided before`);
    keys.add(key);
  };

  const move = (movement: Movement, { name, before, after }: StockChange): ProductAccount | undefined => {
    const account = products.get(name);
    if (account === undefined) {
      expect('journal.stock', everBlind, () => `no such product: ${JSON.stringify(name)}`);
      return undefined;
    }
    expect(
      'journal.stock',
      account.quantity === before || blind,
      () => `begins with ${before} of ${JSON.stringify(name)}, the movements before it left ${account.quantity}`,
    );
    expect('journal.stock', isCount(after), () => `leaves ${after} of ${JSON.stringify(name)}`);
    account.quantity = after;
    account.version = movement.sequence;
    return account;
  };

  const takeOrder = (movement: OrderMovement): void => {
    expect(
      'journal.numbers',
      movement.number === number + 1 || blind,
      () => `order ${movement.number} follows order ${number}`,
    );
    number = movement.number;
    orders += 1;
    takeKey(movement);
    const sums = sumLines(movement);
    const isSale = movement.order.type === 'sell';
    const moved = new Set(movement.stock.map(({ name }) => name));
    const sameProducts =
      moved.size === sums.size && moved.size === movement.stock.length && [...moved].every((name) => sums.has(name));
    expect('journal.stock', sameProducts, () => `order ${number} moves other products than it names`);
    for (const change of movement.stock) {
      const sum = sums.get(change.name) ?? 0;
      const due = change.before + (isSale ? sum : -sum);
      expect(
        'journal.stock',
        change.after === due,
        () => `order ${number} leaves ${change.after} of ${JSON.stringify(change.name)}, must leave ${due}`,
      );
      const account = move(movement, change);
      if (account !== undefined) account[isSale ? 'sold' : 'bought'] += sum;
    }
  };

  const takeRejection = (movement: RejectionMovement): void => {
    takeKey(movement);
    const sums = sumLines(movement);
    expect('journal.rejections', !('stock' in movement), () => 'a refusal moves stock');
    // How much a product can hold is the catalog's own business, so that a refused sale to the shop cannot be judged.
    const isShort = [...sums].some(([name, sum]) => sum > (products.get(name)?.quantity ?? 0));
    expect(
      'journal.rejections',
      movement.order.type === 'sell' || isShort || everBlind,
      () => `refused although there was enough: ${JSON.stringify(movement.order)}`,
    );
  };

  const takeRestock = (movement: RestockMovement): void => {
    expect('journal.restocks', movement.stock.length === 1, () => `refills ${movement.stock.length} products at once`);
    for (const change of movement.stock) {
      const account = products.get(change.name);
      const name = JSON.stringify(change.name);
      expect(
        'journal.restocks',
        account?.restock === true || everBlind,
        () => `refills ${name}, which is not restocked`,
      );
      expect(
        'journal.restocks',
        change.before === 0 && change.after > 0,
        () => `refills ${name} from ${change.before} to ${change.after}`,
      );
      expect(
        'journal.restocks',
        account?.version === movement.cause || everBlind,
        () =>
          `refills ${name} for movement ${movement.cause}, which is not the last that changed it (${account?.version})`,
      );
      const moved = move(movement, change);
      if (moved !== undefined) moved.restocked += change.after - change.before;
    }
  };

  return {
    take(movement, line) {
      place = `line ${line}, movement ${movement.sequence}`;
      expect(
        'journal.sequence',
        movement.sequence === sequence + 1 || (blind && movement.sequence > sequence),
        () => `follows movement ${sequence}`,
      );
      if (line === 1)
        expect('journal.seed', movement.kind === 'seed', () => `the first movement is a ${movement.kind}`);
      const rises = movement.kind === 'fence' ? movement.term > term : movement.term === term;
      expect(
        'journal.terms',
        rises || (blind && movement.term >= term),
        () => `a ${movement.kind} of term ${movement.term} after term ${term}`,
      );
      expect(
        'journal.time',
        Number.isFinite(movement.time) && movement.time >= time,
        () => `time ${movement.time} after ${time}`,
      );
      switch (movement.kind) {
        case 'seed':
          takeSeed(movement);
          break;
        case 'order':
          takeOrder(movement);
          break;
        case 'rejection':
          takeRejection(movement);
          break;
        case 'restock':
          takeRestock(movement);
          break;
        case 'fence':
          break;
        default:
          expect('journal.form', false, () => `unknown kind ${JSON.stringify((movement as Movement).kind)}`);
      }
      sequence = movement.sequence;
      term = Math.max(term, movement.term);
      time = Math.max(time, movement.time);
      blind = false;
    },
    passOver() {
      blind = true;
      everBlind = true;
    },
    finish() {
      for (const [name, { quantity, start, bought, sold, restocked }] of products) {
        const due = start + restocked + sold - bought;
        place = 'at the end';
        expect(
          'journal.totals',
          quantity === due || everBlind,
          () =>
            `${quantity} of ${JSON.stringify(name)}, must be ${start} + ${restocked} + ${sold} - ${bought} = ${due}`,
        );
      }
      return { orders, lastSequence: sequence, lastTerm: term };
    },
  };
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
