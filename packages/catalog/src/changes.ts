/**
 * The stream of changes: NDJSON, one stream per subscriber, no subscriber ever waited for.
 *
 * A subscriber that starts at `hello` and misses nothing after it knows every product as it is on disk here: what a batch
 * changed goes out after its fsync and before its answer. Who falls too far behind is cut off rather than kept in memory;
 * it starts again from what is to be read then.
 */
import { assert } from '@till/shared/assert';
import type { ChangeLine } from '@till/shared/contract';
import type { ProductState } from '@till/shared/movement';

export type Changes = {
  /** A new subscriber's stream, `hello` first. */
  subscribe(): ReadableStream<Uint8Array>;
  /** Tells that the sequences `from` to `to` are on disk, and which products they changed. */
  publish(change: { from: number; to: number; products: ProductState[] }): void;
  subscriberCount(): number;
  /** Ends every stream. */
  close(): void;
};

export type ChangesOptions = {
  epoch: string;
  /** Last sequence on disk before the first change is published. */
  sequence: number;
  /** What to tell every subscriber of the chaos switches here; null or absent: nothing. */
  chaos?: string | null;
  beatMs: number;
  backlogBytesMax: number;
  /** Hears of a subscriber that was cut off because it read too slowly. */
  onDropped(): void;
};

type Controller = ReadableStreamDefaultController<Uint8Array>;

export const createChanges = ({ epoch, beatMs, backlogBytesMax, ...options }: ChangesOptions): Changes => {
  const subscribers = new Set<Controller>();
  const harm = options.chaos == null ? {} : { chaos: options.chaos };
  let sequence = options.sequence;
  let beat: NodeJS.Timeout | undefined;

  const leave = (controller: Controller): void => {
    subscribers.delete(controller);
    if (subscribers.size > 0) return;
    clearInterval(beat);
    beat = undefined;
  };

  const send = (line: ChangeLine): void => {
    if (subscribers.size === 0) return;
    const bytes = encode(line);
    for (const controller of subscribers) {
      controller.enqueue(bytes);
      if ((controller.desiredSize ?? 0) > 0) continue;
      leave(controller);
      controller.error(new Error('Cannot keep up: the subscriber reads too slowly'));
      options.onDropped();
    }
  };

  return {
    subscribe: () => {
      let own: Controller;
      return new ReadableStream<Uint8Array>(
        {
          start: (controller) => {
            own = controller;
            subscribers.add(controller);
            controller.enqueue(encode({ type: 'hello', epoch, sequence, ...harm }));
            beat ??= setInterval(() => send({ type: 'beat', epoch, sequence }), beatMs);
          },
          cancel: () => leave(own),
        },
        // Counted in bytes, so that `desiredSize` is what may still pile up for this subscriber.
        { highWaterMark: backlogBytesMax, size: (chunk) => chunk.byteLength },
      );
    },
    publish: ({ from, to, products }) => {
      assert(from === sequence + 1 && to >= from, () => `Changes ${from} to ${to} do not follow ${sequence}`);
      sequence = to;
      send({ type: 'changes', epoch, from, to, products });
    },
    subscriberCount: () => subscribers.size,
    close: () => {
      for (const controller of subscribers) {
        leave(controller);
        controller.close();
      }
    },
  };
};

const encoder = new TextEncoder();
const encode = (line: ChangeLine): Uint8Array => encoder.encode(`${JSON.stringify(line)}\n`);
