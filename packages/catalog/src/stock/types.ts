/** The vocabulary of the stock core: what it looks up, what it is asked, what it remembers. All of it is plain data. */
import type { Movement, Outcome, Placed, SeedProduct } from '@till/shared/movement';

/** A product as the catalogue holds it. `version`: the sequence of the last movement that changed it. */
export type Product = Readonly<SeedProduct & { version: number }>;

/** What is remembered under a key: its first decision, which is the answer for that key from then on. */
export type Decision = Readonly<
  | { status: 'accepted'; fingerprint: string; sequence: number; number: number }
  | { status: 'rejected'; fingerprint: string; sequence: number; reason: 'out_of_stock'; message: string }
  | { status: 'queued'; fingerprint: string; sequence: number; id: string }
  /** `number`: that of the order which was taken back. */
  | { status: 'cancelled'; sequence: number; number: number }
>;

/** Where decisions are remembered. */
export type Decisions = {
  /** How many keys are remembered. */
  readonly count: number;
  /**
   * The first decision under a key, of a movement up to a sequence: who reads a journal may know of later ones, which the
   * stock has not come to.
   */
  find(key: string, upTo: number): Decision | undefined;
  put(key: string, decision: Decision): void;
};

/** Where a history ends. */
type End = {
  /** Sequence of the last movement; 0 before the first. */
  sequence: number;
  /** The last order number given; -1 before the first. */
  number: number;
  /** Time of the last movement; 0 before the first. */
  time: number;
};

type Lookups = {
  /** The product whose name folds to this (`foldName`). */
  product(foldedName: string): Product | undefined;
  /** The first decision under a key. */
  decision(key: string): Decision | undefined;
  /** Sequence of the cancellation of the order with this number. */
  cancellation(number: number): number | undefined;
  /** Whether this checkout has no outcome yet. */
  isWaiting(checkoutId: string): boolean;
  /** How many checkouts have no outcome yet. */
  readonly waitingCount: number;
  /** Sequence of a sink's last note; 0 before the first. */
  lastNote(sink: string): number;
  /** The movement at a sequence, read back from the journal: slow, so only the rare command may ask for it. */
  movement(sequence: number): Movement;
};

/**
 * All that a decision may look at: where the journal ends, and lookups. A view never hands out the whole catalogue, so
 * that one database transaction over the rows named can stand behind it as well as a map in memory.
 */
export type View = Readonly<End> & Lookups;

/** A view that can also take in a movement. */
export type Target = End &
  Lookups & {
    putProduct(foldedName: string, product: Product): void;
    putDecision(key: string, decision: Decision): void;
    putCancellation(number: number, sequence: number): void;
    putWaiting(checkoutId: string, waits: boolean): void;
    putNote(sink: string, sequence: number): void;
  };

/** The whole stock in memory, as one journal tells it. */
export type Stock = Target & {
  /** The highest term that the journal was fenced with; 0 before the first fence. */
  term: number;
  /** By folded name, in the order of the seed. */
  readonly products: ReadonlyMap<string, Product>;
  /** Ids of the checkouts that have no outcome yet. */
  readonly waiting: ReadonlySet<string>;
  /** Sequence of each sink's last note. */
  readonly notes: ReadonlyMap<string, number>;
  /** Sequence of each cancellation by its order's number, in their order: it is only ever added to. */
  readonly cancellations: ReadonlyMap<number, number>;
  /** How many keys are remembered. */
  readonly decisionCount: number;
};

/** All of a stock but its decisions, which the journal tells: what a snapshot keeps. */
export type StockState = Readonly<End> & {
  readonly term: number;
  readonly products: Iterable<Product>;
  readonly waiting: Iterable<string>;
  readonly notes: Iterable<readonly [sink: string, sequence: number]>;
  readonly cancellations: Iterable<readonly [number: number, sequence: number]>;
};

export type Command =
  /** Whatever the leader asks for: an order, a cancellation, a checkout, a note. */
  | { kind: 'place'; placed: Placed }
  /** Fills a sold-out product up to `level`; `cause` is the version at which it was found sold out. */
  | { kind: 'restock'; name: string; cause: number; level: number }
  /** A new leader's first word; its term is the batch's. */
  | { kind: 'fence' }
  | { kind: 'seed'; products: SeedProduct[] };

/** Rules that test builds can switch off, to show that the simulator finds what each one prevents. */
export const STOCK_RULES = ['cancelOnce', 'secondName', 'noteOnLast'] as const;
export type StockRule = (typeof STOCK_RULES)[number];

/** What a batch is decided under: the term its movements carry, and the time of day in milliseconds. */
export type Circumstances = { term: number; now: number; without?: ReadonlySet<StockRule> };

/** What every movement begins with. */
export type Base = { sequence: number; term: number; time: number };

/** What is decided about one that was placed; null: nothing is recorded. */
export type Verdict = { outcome: Outcome; movement: Movement | null };

/** `outcomes` has one entry for each placed command, in their order; `movements` follow the view's sequence without a gap. */
export type Decided = { movements: Movement[]; outcomes: Outcome[] };
