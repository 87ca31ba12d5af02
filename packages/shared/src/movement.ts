/** What moves stock: the records of the catalog's journal, and what a service says about one order. */

/** One line of an order: a product's name and how many. */
export type Line = { name: string; quantity: number };

/**
 * An order as it was asked for. `type` is there exactly when the caller gave one; `many` exactly when the caller gave a
 * list of items, so that the answer to a query can have the same form. `orderId` is the caller's own name of the order,
 * `customer` who it is for.
 */
export type Order = { lines: Line[]; type?: 'buy' | 'sell'; many?: true; orderId?: string; customer?: string };

/**
 * An order on its way: its identity (keys.ts says how identities of different origins are kept apart), and the
 * fingerprint (hash of the canonical order) that tells a repeat from a reuse.
 */
export type PlacedOrder = {
  key: string;
  fingerprint: string;
  order: Order;
  /** A second name of the same order: the idempotency key of one that also has an order id. */
  alsoKey?: string;
  /** Somebody else has found that it cannot be had (a warehouse): it is refused with this text, once and for all. */
  refusal?: string;
} & OnlyIfKnown;

/**
 * With `onlyIfKnown` nothing new is decided: what was decided under the key is told again, or that nothing was. As it is
 * told in sequence, nothing that was asked for before can still be decided after it unnoticed.
 */
type OnlyIfKnown = { onlyIfKnown?: true };

/** Asks to give back what the order under the key `of` took, once. */
export type PlacedCancel = { key: string; cancel: { of: string } };

/** What is kept of a checkout: what is to be bought, for whom, and the last four digits of the card. Nothing else of it. */
export type Checkout = { id: string; lines: Line[]; customer: string; card: string };

/** A checkout that was approved and is to wait for its execution. */
export type PlacedCheckout = { key: string; fingerprint: string; checkout: Checkout } & OnlyIfKnown;

/** An event that was given up after so many attempts. */
export type DeadLetter = { sequence: number; attempts: number; error: string };

/**
 * How far one sink of the outbox has got. Everything up to `delivered` is settled: delivered, or in `dead`. `again` are
 * dead letters that somebody asked to send again, each with the sequence that the request was recorded with.
 */
export type Progress = { delivered: number; dead: DeadLetter[]; again: { sequence: number; asked: number }[] };

/**
 * A note of a sink's progress. `after` is the sequence of the sink's last note (0: none): a note that was not written on
 * top of the last one is refused, so that a late one cannot undo it. An `again` with `asked` 0 gets its own sequence there.
 */
export type PlacedNote = { key: string; note: { sink: string; after: number } & Progress };

/** Whatever the leader asks the catalog to decide in sequence. */
export type Placed = PlacedOrder | PlacedCancel | PlacedCheckout | PlacedNote;

/** A product as the outside sees it, and `version`: the sequence of the last movement that changed it. */
export type ProductState = { name: string; price: number; quantity: number; version: number };

export type SeedProduct = {
  name: string;
  kind: 'toy' | 'stock' | 'book';
  price: number;
  quantity: number;
  restock: boolean;
  /** Who wrote it, of a book. */
  author?: string;
};

/** What one movement does to one product. */
export type StockChange = { name: string; before: number; after: number };

type MovementBase = {
  /** Place in the journal, from 1, without gaps. */
  sequence: number;
  /** Term of the leader that asked; for the catalog's own movements, the highest term it knows. */
  term: number;
  /** Milliseconds since 1970, never falling along the journal; for people, no decision reads it. */
  time: number;
};

/** The products that the catalogue starts with: always the first movement. */
export type SeedMovement = MovementBase & { kind: 'seed'; products: SeedProduct[] };
/** An accepted order: stock moved, and the order has its number (from 0, without gaps). */
export type OrderMovement = MovementBase & {
  kind: 'order';
  number: number;
  key: string;
  fingerprint: string;
  order: Order;
  alsoKey?: string;
  stock: StockChange[];
};
/** A refusal that is remembered: the answer for its key from then on. Moves nothing. */
export type RejectionMovement = MovementBase & {
  kind: 'rejection';
  key: string;
  fingerprint: string;
  order: Order;
  alsoKey?: string;
  reason: 'out_of_stock';
  message: string;
};

/** An order taken back: `of` is its key, `number` its number, `stock` the reverse of what it did. */
export type CancelMovement = MovementBase & {
  kind: 'cancel';
  key: string;
  of: string;
  number: number;
  stock: StockChange[];
};

/** An approved checkout that waits to be executed. Moves nothing; the order or rejection under `checkoutKey(id)` is its outcome. */
export type CheckoutMovement = MovementBase & {
  kind: 'checkout';
  key: string;
  fingerprint: string;
  checkout: Checkout;
};

/** How far a sink of the outbox has got: the whole of it, the last note counts. Moves nothing. */
export type NoteMovement = MovementBase & { kind: 'note'; sink: string } & Progress;
/** A refill by the restocker, once per cause: `cause` is the version of the product that was found sold out. */
export type RestockMovement = MovementBase & { kind: 'restock'; cause: number; stock: StockChange[] };
/** A new leader's first word to the catalog: from here on older terms are refused. */
export type FenceMovement = MovementBase & { kind: 'fence' };

export type Movement =
  | SeedMovement
  | OrderMovement
  | RejectionMovement
  | CancelMovement
  | CheckoutMovement
  | NoteMovement
  | RestockMovement
  | FenceMovement;

/** What the catalog decided about what was placed. `replayed`: the key was known, this is the first decision again. */
export type Outcome =
  | { key: string; status: 'accepted'; sequence: number; number: number; replayed: boolean }
  | { key: string; status: 'rejected'; sequence: number; reason: 'out_of_stock'; message: string; replayed: boolean }
  /** The checkout waits under its id; `id` is that of the first one under this key. */
  | { key: string; status: 'queued'; sequence: number; id: string; replayed: boolean }
  /** The order with this number is taken back. */
  | { key: string; status: 'cancelled'; sequence: number; number: number; replayed: boolean }
  /** A cancellation of an order that was refused (at `sequence`), so that there is nothing to give back: nothing was decided. */
  | { key: string; status: 'nothing_to_cancel'; sequence: number }
  /** A cancellation of an order that nobody made (yet): nothing was decided. */
  | { key: string; status: 'unknown_order' }
  /** What the order brought has been sold on, as the stock is at `sequence`: nothing was decided. */
  | { key: string; status: 'cannot_cancel'; sequence: number; message: string }
  /** Too many checkouts wait: nothing was decided. */
  | { key: string; status: 'queue_full' }
  /** The sink's progress is recorded. */
  | { key: string; status: 'noted'; sequence: number }
  /** The sink's last note is another one, at this sequence: nothing was decided. */
  | { key: string; status: 'stale'; sequence: number }
  /** Nothing was decided under this key, and nothing is: it was asked for only if known. */
  | { key: string; status: 'not_known' }
  /** The key belongs to another order: nothing was decided. `alsoKey`: it is the second name that does, not the first. */
  | { key: string; status: 'conflict'; alsoKey?: true }
  /** No such product: nothing was decided, nothing is remembered. */
  | { key: string; status: 'unknown_product'; name: string };

/** An order that can be looked up, as the replicated log holds it. `sequence`: that of its cancellation, if it has one. */
export type StoredOrder = { number: number; key: string; sequence: number; order: Order; cancelled?: true };

/** A checkout that can be looked up: where it stands. `sequence`: that of its last movement. */
export type StoredCheckout = { id: string; sequence: number; checkout: Checkout } & (
  | { state: 'queued' }
  | { state: 'placed'; number: number }
  | { state: 'refused'; reason: string; message: string }
);

/** One change of one product's stock: the audit trail. `key`: of the order or cancellation that caused it. */
export type TrailEntry = {
  sequence: number;
  term: number;
  time: number;
  product: string;
  change: number;
  before: number;
  after: number;
  cause:
    | { kind: 'seed' }
    | { kind: 'order'; order_number: number }
    | { kind: 'cancel'; order_number: number }
    | { kind: 'restock'; sold_out_by: number };
  key: string | null;
};
