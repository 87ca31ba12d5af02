/** What the outbox needs of the replica that it runs in. */
import type { Movement, Placed, Progress } from '@till/shared/movement';
import type { PlaceResult } from '../replica/types.ts';

export type OutboxHost = {
  /** The term in which this replica leads and serves; null while it does not. */
  leading(): number | null;
  /** Names the set of stores that this replica belongs to. */
  storeId(): string;
  /** The sequence up to which everything is committed. */
  committedSequence(): number;
  /** The committed movements after a sequence, in order, at most `max`. */
  movements(after: number, max: number): Movement[];
  /** The last note of a sink that the log has; null before the first. */
  noteOf(sink: string): { sequence: number; progress: Progress } | null;
  /** As a batch from the front, under the same term rule. */
  place(term: number, placed: Placed[]): Promise<PlaceResult>;
};
