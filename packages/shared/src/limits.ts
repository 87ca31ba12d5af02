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

  // Between the services.
  internalBodyBytesMax: 16 * 1024 * 1024,
  internalWaitMs: 2000,
  connectionsPerServiceMax: 16,
  ordersInBatchMax: 512,
  batchBytesMax: 1024 * 1024,
  queueLengthMax: 10_000,
  historyLinesMax: 4096,
  historyBytesMax: 4 * 1024 * 1024,

  // The catalog's stream of changes.
  streamBeatMs: 100,
  streamSilentMs: 500,
  streamBacklogBytesMax: 8 * 1024 * 1024,
  streamLineBytesMax: 16 * 1024 * 1024,

  // The front and its replicas.
  healthEveryMs: 50,
  clusterRecordsKept: 8,
  replicasMax: 7,

  // HTTP at the front.
  retryAfterSeconds: 1,
  keepAliveMs: 60_000,
  headersWaitMs: 10_000,
  bodyWaitMs: 30_000,

  // Files.
  journalChunkBytes: 1024 * 1024,
  journalLineBytesMax: 16 * 1024 * 1024,
  journalBatchBytesMax: 8 * 1024 * 1024,

  // The end.
  closeWaitMs: 1000,
  stopWaitMs: 5000,
});

export type Limits = typeof limits;
