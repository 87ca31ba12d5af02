/** What every check of a checkout is to the one who asks it, wherever it runs. */

/**
 * Judges an input. Rejects when it cannot judge, which is never an approval. When the signal is aborted nobody waits for the
 * result any more.
 */
export type Check<Input, Result> = (input: Input, context: { signal: AbortSignal }) => Promise<Result>;

/** `reason` is for people. It names fields and rules, and quotes nothing of the card, the contact or the address. */
export type Verdict = { ok: true } | { ok: false; reason: string };
