/**
 * Every bound that is not a setting, with its unit in its name. Nothing grows without one. What a user may want to change
 * is in config.ts instead.
 */
export const limits = Object.freeze({
  // What a client may ask for.
  bodyBytesMax: 64 * 1024,
  keyLengthMax: 255,
  nameLengthMax: 200,
  quantityMax: 1_000_000,
  orderLinesMax: 100,
  orderIdLengthMax: 128,
  customerLengthMax: 200,
  trailEntriesMax: 1000,
  trailsReadMax: 4,

  // Between the services.
  internalBodyBytesMax: 16 * 1024 * 1024,
  internalWaitMs: 2000,
  connectionsPerServiceMax: 16,
  linkBacklogBytesMax: 32 * 1024 * 1024,
  ordersInBatchMax: 512,
  batchBytesMax: 1024 * 1024,
  batchesOnTheWayMax: 2,
  queueLengthMax: 10_000,
  checkoutsQueuedMax: 10_000,
  historyLinesMax: 4096,
  historyBytesMax: 4 * 1024 * 1024,
  trailsWaitingMax: 16,

  // The catalog's stream of changes.
  streamBeatMs: 100,
  streamSilentMs: 500,
  streamBacklogBytesMax: 8 * 1024 * 1024,
  streamLineBytesMax: 16 * 1024 * 1024,

  // The front and its replicas.
  healthEveryMs: 50,
  clusterRecordsKept: 8,
  replicasMax: 7,

  // Checkouts and their checks.
  checkoutTextLengthMax: 200,
  checkReasonLengthMax: 500,
  suggestionsMax: 3,
  suggestionsEveryMs: 1000,
  suggestionsWaitMs: 500,
  booksKnownMax: 10_000,
  pairsPerBookMax: 64,
  movementsPerReadMax: 512,
  contactsKnownMax: 10_000,
  velocityWindowMs: 10 * 60_000,

  // Shopify's webhooks: it waits 5 s for an answer, and its orders are long.
  webhookBodyBytesMax: 1024 * 1024,
  webhookWaitMs: 4500,

  // HTTP at the front.
  replyHoldMs: 500,
  retryAfterSeconds: 1,
  keepAliveMs: 60_000,
  headersWaitMs: 10_000,
  bodyWaitMs: 30_000,

  // Calls to programs that are not ours.
  outsideBodyBytesMax: 1024 * 1024,
  outsideConnectionsMax: 64,
  outsideHalfOpenAfterMs: 10_000,
  outsideRetryAfterMsMax: 5 * 60 * 1000,
  outsideCallsMax: 1000,

  // Files.
  journalChunkBytes: 1024 * 1024,
  journalLineBytesMax: 16 * 1024 * 1024,
  journalBatchBytesMax: 8 * 1024 * 1024,
  journalSegmentBytes: 64 * 1024 * 1024,
  journalCheckpointBytes: 8 * 1024 * 1024,
  journalRecentBytesMax: 4 * 1024 * 1024,
  journalWriteNowBytesMax: 256 * 1024,

  // The end.
  closeWaitMs: 1000,
  stopWaitMs: 5000,
});

export type Limits = typeof limits;
