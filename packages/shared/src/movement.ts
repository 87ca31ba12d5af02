/** What moves stock: the records of the catalog's journal, and what a service says about one order. */

/** One line of an order: a product's name and how many. */
export type Line = { name: string; quantity: number };

/**
 * An order as it was asked for. `type` is there exactly when the caller gave one; `many` exactly when the caller gave a
 * list of items, so that the answer to a query can have the same form.
 */
export type Order = { lines: Line[]; type?: 'buy' | 'sell'; many?: true };

/** An order on its way: its identity, and the fingerprint (hash of the canonical order) that tells a repeat from a reuse. */
export type PlacedOrder = { key: string; fingerprint: string; order: Order };

/** A product as the outside sees it, and `version`: the sequence of the last movement that changed it. */
export type ProductState = { name: string; price: number; quantity: number; version: number };

export type SeedProduct = {
  name: string;
  kind: 'toy' | 'stock' | 'book';
  price: number;
  quantity: number;
  restock: boolean;
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
  stock: StockChange[];
};
/** A refusal that is remembered: the answer for its key from then on. Moves nothing. */
export type RejectionMovement = MovementBase & {
  kind: 'rejection';
  key: string;
  fingerprint: string;
  order: Order;
  reason: 'out_of_stock';
  message: string;
};
/** A refill by the restocker, once per cause: `cause` is the version of the product that was found sold out. */
export type RestockMovement = MovementBase & { kind: 'restock'; cause: number; stock: StockChange[] };
/** A new leader's first word to the catalog: from here on older terms are refused. */
export type FenceMovement = MovementBase & { kind: 'fence' };

export type Movement = SeedMovement | OrderMovement | RejectionMovement | RestockMovement | FenceMovement;

/** What the catalog decided about one placed order. `replayed`: the key was known, this is the first decision again. */
export type Outcome =
  | { key: string; status: 'accepted'; sequence: number; number: number; replayed: boolean }
  | { key: string; status: 'rejected'; sequence: number; reason: 'out_of_stock'; message: string; replayed: boolean }
  /** The key belongs to another order: nothing was decided. */
  | { key: string; status: 'conflict' }
  /** No such product: nothing was decided, nothing is remembered. */
  | { key: string; status: 'unknown_product'; name: string };

/** An order that can be looked up, as the replicated log holds it. */
export type StoredOrder = { number: number; key: string; sequence: number; order: Order };
