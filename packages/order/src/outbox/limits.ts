/** The bounds of the outbox, each with its unit in its name. */
import type { Config } from '@till/shared/config';
import type { SinkLimits } from './core/types.ts';

export const outboxLimits = {
  /** How often it is looked whether this replica leads, what is new, and whose pause is over. */
  tickMs: 50,
  /** Of one call to a sink. */
  callWaitMs: 10_000,
  /** Movements that are read from the log at once. */
  pageMax: 128,
  /** Before a note that was not recorded is placed again. */
  noteRetryMs: 500,
  /** How long a request to send again waits for its record: less than the front waits for an answer. */
  replayWaitMs: 1500,
  /** What is told of the events that are being tried. */
  tryingMax: 100,
  /** How long what is under way may take, and then the last note, when the process is to end. */
  closeWaitMs: 300,
  /** A sink with too many dead letters says so again after so long. */
  fullToldEveryMs: 60_000,
  /** Shopify: inventory items that are known, and for how long one that is not there is not looked for again. */
  itemsKnownMax: 10_000,
  unknownItemMs: 10 * 60_000,
  /** Shopify: products in one lookup, and items in its answer; one product may have several that are like it. */
  itemsAskedMax: 20,
  itemsAnsweredMax: 100,
  /** Shopify: deliveries whose content is kept, to be sent again word for word. */
  mutationsKeptMax: 4096,
} as const;

/** What the core is given. */
export const sinkLimits = (config: Pick<Config, 'outboxAttempts'>): SinkLimits => ({
  unsettledMax: 1024,
  aheadMax: 10_000,
  attemptsInFlightMax: 8,
  attemptsMax: config.outboxAttempts,
  pauseMs: 1000,
  pauseMsMax: 5 * 60_000,
  noteEveryMs: 1000,
  deadPerNotePause: 32,
  deadMax: 500,
  errorLengthMax: 200,
  inheritedWaitMs: outboxLimits.callWaitMs + 5000,
});
