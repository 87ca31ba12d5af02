/**
 * The rules of the catalog's journal, one movement at a time. Written from docs/log-format.md alone and without a line
 * of the code that decides: an audit that asks the audited proves nothing.
 */
import type {
  CancelMovement,
  CheckoutMovement,
  Line,
  Movement,
  OrderMovement,
  RejectionMovement,
  RestockMovement,
  SeedMovement,
  StockChange,
} from '@till/shared/movement';
import type { CheckoutCounts } from './audit-checkouts.ts';
import { createCheckoutAudit } from './audit-checkouts.ts';
import type { Expect, Findings } from './audit-findings.ts';
import { createIdentityAudit } from './audit-identities.ts';
import type { SinkSummary } from './audit-outbox.ts';
import { createOutboxAudit } from './audit-outbox.ts';

type ProductAccount = {
  /** As the chain of movements leaves it. */
  quantity: number;
  /** Sequence of the movement that changed it last. */
  version: number;
  /** How many lines that cannot be read came before that movement. */
  damage: number;
  restock: boolean;
  /** The same from the orders themselves. */
  start: number;
  bought: number;
  sold: number;
  restocked: number;
  /** By cancellations; less than nothing when more sales to the shop than purchases were taken back. */
  givenBack: number;
};

export type JournalSummary = {
  orders: number;
  cancelled: number;
  checkouts: CheckoutCounts;
  outbox: SinkSummary[];
  lastSequence: number;
  lastTerm: number;
};

/** How the text of a refusal ends that a warehouse gave. What it had stands in no file. */
const BY_A_WAREHOUSE = / in the warehouse$/;

export type JournalAudit = {
  /** The next movement; `line` and `file` are where it stands, for people. */
  take(movement: Movement, line: number, file?: string): void;
  /** A line that cannot be read: what follows is taken at its word. */
  passOver(): void;
  finish(): JournalSummary;
};

export const createJournalAudit = (findings: Findings): JournalAudit => {
  const products = new Map<string, ProductAccount>();
  let sequence = 0;
  let number = -1;
  let orders = 0;
  let cancelled = 0;
  let term = 0;
  let time = 0;
  /** True right after a line that cannot be read, which may have done anything. */
  let blind = false;
  let everBlind = false;
  let damage = 0;
  let numberDamage = 0;
  let place = '';

  const expect: Expect = (rule, holds, detail) => {
    findings.checked(rule);
    if (!holds) findings.problem(rule, `${place}: ${detail()}`);
  };
  const isBlind = (): boolean => everBlind;
  const identities = createIdentityAudit(expect, isBlind);
  const checkouts = createCheckoutAudit(expect, isBlind);
  const outbox = createOutboxAudit(expect, isBlind);

  const takeSeed = (movement: SeedMovement): void => {
    expect('journal.seed', movement.sequence === 1, () => 'a seed is not the first movement');
    for (const { name, quantity, restock } of movement.products) {
      expect('journal.seed', !products.has(name), () => `the seed names ${JSON.stringify(name)} twice`);
      expect('journal.stock', isCount(quantity), () => `the seed has ${quantity} of ${JSON.stringify(name)}`);
      products.set(name, {
        quantity,
        version: movement.sequence,
        damage,
        restock,
        start: quantity,
        bought: 0,
        sold: 0,
        restocked: 0,
        givenBack: 0,
      });
    }
  };

  /** What the lines of an order ask of each product. */
  const sumLines = (lines: Line[]): Map<string, number> => {
    const sums = new Map<string, number>();
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

  const move = (movement: Movement, { name, before, after }: StockChange): ProductAccount | undefined => {
    const account = products.get(name);
    if (account === undefined) {
      expect('journal.stock', everBlind, () => `no such product: ${JSON.stringify(name)}`);
      return undefined;
    }
    expect(
      'journal.stock',
      account.quantity === before || account.damage < damage,
      () => `begins with ${before} of ${JSON.stringify(name)}, the movements before it left ${account.quantity}`,
    );
    expect('journal.stock', isCount(after), () => `leaves ${after} of ${JSON.stringify(name)}`);
    account.quantity = after;
    account.version = movement.sequence;
    account.damage = damage;
    return account;
  };

  const takeOrder = (movement: OrderMovement): void => {
    expect(
      'journal.numbers',
      movement.number === number + 1 || numberDamage < damage,
      () => `order ${movement.number} follows order ${number}`,
    );
    numberDamage = damage;
    number = movement.number;
    orders += 1;
    identities.takeOrder(movement);
    checkouts.takeOutcome(movement);
    const sums = sumLines(movement.order.lines);
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
    identities.takeOrder(movement);
    checkouts.takeOutcome(movement);
    const sums = sumLines(movement.order.lines);
    expect('journal.rejections', !('stock' in movement), () => 'a refusal moves stock');
    // How much a product can hold is the catalog's own business, so that a refused sale to the shop cannot be judged.
    const isShort = [...sums].some(([name, sum]) => sum > (products.get(name)?.quantity ?? 0));
    const isJudged = movement.order.type !== 'sell' && !BY_A_WAREHOUSE.test(movement.message);
    expect(
      'journal.rejections',
      !isJudged || isShort || everBlind,
      () => `refused although there was enough: ${JSON.stringify(movement.order)}`,
    );
  };

  const takeCancel = (movement: CancelMovement): void => {
    identities.takeCancel(movement);
    cancelled += 1;
    for (const change of movement.stock) {
      const account = move(movement, change);
      if (account !== undefined) account.givenBack += change.after - change.before;
    }
  };

  const takeCheckout = (movement: CheckoutMovement): void => {
    identities.takeCheckout(movement);
    checkouts.take(movement);
    sumLines(movement.checkout.lines);
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
    take(movement, line, file = 'journal.jsonl') {
      place = `${file}, line ${line}, movement ${movement.sequence}`;
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
        case 'cancel':
          takeCancel(movement);
          break;
        case 'checkout':
          takeCheckout(movement);
          break;
        case 'note':
          outbox.take(movement);
          break;
        case 'restock':
          takeRestock(movement);
          break;
        case 'fence':
          break;
        default:
          expect('journal.form', false, () => `unknown kind ${JSON.stringify((movement as Movement).kind)}`);
      }
      if (movement.kind === 'order' || movement.kind === 'cancel' || movement.kind === 'restock') {
        outbox.takeEvent(movement.sequence);
      }
      sequence = movement.sequence;
      term = Math.max(term, movement.term);
      time = Math.max(time, movement.time);
      blind = false;
    },
    passOver() {
      blind = true;
      everBlind = true;
      damage += 1;
    },
    finish() {
      for (const [name, { quantity, start, bought, sold, restocked, givenBack }] of products) {
        const due = start + restocked + sold - bought + givenBack;
        place = 'at the end';
        expect(
          'journal.totals',
          quantity === due || everBlind,
          () =>
            `${quantity} of ${JSON.stringify(name)}, must be ` +
            `${start} + ${restocked} + ${sold} - ${bought} + ${givenBack} = ${due}`,
        );
      }
      return {
        orders,
        cancelled,
        checkouts: checkouts.counts(),
        outbox: outbox.sinks(),
        lastSequence: sequence,
        lastTerm: term,
      };
    },
  };
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
