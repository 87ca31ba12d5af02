/**
 * Messages to and from the other replicas. The core sends one-way messages; here they ride on HTTP: a request waits with
 * its answer until the core has something to say to the sender (an acknowledgement, after the fsync), so that an
 * append and its acknowledgement are one exchange. Lost messages are the core's business: it sends again.
 */
import { createClient } from '@till/shared/client';
import { orderLimits } from './limits.ts';
import { peerContract } from './peer-contract.ts';
import { received, toSend } from './peer-messages.ts';
import type { Message } from './replica/types.ts';

export type Peers = {
  send(to: number, message: Message): void;
  /** A peer's request: hands its message to the core, and resolves with what goes back. null at once for who is no peer. */
  answer(from: number, message: Message): Promise<Message | null>;
  /** Ends requests that have waited too long; called at each tick. */
  sweep(): void;
  /** Ends every request that is held. Nothing is sent or taken any more. */
  close(): Promise<void>;
};

type Waiting = { until: number; resolve(message: Message | null): void };

export const createPeers = (deps: {
  id: number;
  /** Where each replica is, by id. */
  urls: Map<number, string>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  onMessage(from: number, message: Message): void;
}): Peers => {
  const { id, urls, now, onMessage } = deps;
  const clients = new Map(
    [...urls]
      .filter(([to]) => to !== id)
      .map(([to, url]) => [to, createClient(peerContract, { url, timeoutMs: orderLimits.messageWaitMs, links: true })]),
  );
  /** What is held for each peer, oldest first; no list is empty. */
  const waiting = new Map<number, Waiting[]>();
  let closed = false;

  const release = (from: number, message: Message | null): boolean => {
    const held = waiting.get(from);
    if (held === undefined) return false;
    waiting.delete(from);
    const [first, ...others] = held;
    first?.resolve(message);
    for (const { resolve } of others) resolve(null);
    return true;
  };

  return {
    send(to, message) {
      if (closed || release(to, message)) return;
      clients
        .get(to)
        ?.message({ body: { from: id, ...toSend(message) } })
        .then((answer) => (answer.message === null ? null : received({ ...answer, message: answer.message })))
        .then(
          (answer) => answer !== null && !closed && onMessage(to, answer),
          () => {
            // A peer that is away or slow: the core counts the silence and sends again.
          },
        );
    },
    answer(from, message) {
      if (closed || !clients.has(from)) return Promise.resolve(null);
      const { promise, resolve } = Promise.withResolvers<Message | null>();
      const held = waiting.get(from) ?? [];
      held.push({ until: now() + orderLimits.answerHeldMs, resolve });
      waiting.set(from, held);
      onMessage(from, message);
      return promise;
    },
    sweep() {
      const nowMs = now();
      for (const [from, held] of waiting) {
        const kept = held.filter((one) => {
          if (one.until > nowMs) return true;
          one.resolve(null);
          return false;
        });
        if (kept.length === 0) waiting.delete(from);
        else waiting.set(from, kept);
      }
    },
    async close() {
      closed = true;
      for (const from of waiting.keys()) release(from, null);
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
};
