/** How often somebody tried within a sliding window. What is remembered is bounded in contacts and in attempts of each. */
import { hash } from 'node:crypto';
import { lru } from 'tiny-lru';

export type Velocity = {
  /**
   * Counts an attempt at `nowMs` of a monotonic clock, and says how many different ones the contact made within the window,
   * this one included, and at most `attemptsMax`.
   */
  count(attempt: { contact: string; name: string; nowMs: number }): number;
};

type Attempt = { name: string; atMs: number };

export const createVelocity = (options: { windowMs: number; contactsMax: number; attemptsMax: number }): Velocity => {
  const { windowMs, attemptsMax } = options;
  // The contact that was quiet for the longest time is forgotten first.
  const attempts = lru<Attempt[]>(options.contactsMax);
  return {
    count: ({ contact, name, nowMs }) => {
      const key = digest(contact.trim().toLowerCase());
      const known = (attempts.get(key) ?? []).filter(({ atMs }) => atMs > nowMs - windowMs);
      const attempt = digest(name);
      // The same attempt again is a repetition and no further try; it keeps its first time.
      if (!known.some((one) => one.name === attempt)) known.push({ name: attempt, atMs: nowMs });
      const kept = known.slice(-attemptsMax);
      attempts.set(key, kept);
      return kept.length;
    },
  };
};

/** Of one length whatever is remembered, and nobody's address in memory for longer than its request. */
const digest = (text: string): string => hash('sha256', text, 'hex').slice(0, 32);
