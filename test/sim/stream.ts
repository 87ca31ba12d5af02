/**
 * An ordered connection that one side opens and the other writes lines to. It can break, with either side learning of
 * it late or never; fall silent while it looks open; stall and then go on; and, as no real one does, skip a line.
 */
import { assert } from '@till/shared/assert';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

export type Stream = {
  /** Writer side. */
  write(line: unknown): void;
  onClosedByReader(run: () => void): void;
  /** Reader side: what arrives after it is dropped. */
  close(): void;
  isOpen(): boolean;
  /** Faults. */
  breakOff(): void;
  fallSilent(): void;
  stall(delayMs: number): void;
  skipLines(count: number): void;
};

export type Streams = {
  /** Opens a stream from `reader` to `writer`; the writer's accept gets its end of it. */
  open(options: {
    reader: Machine;
    writer: Machine;
    route: string;
    onLine: (line: unknown) => void;
    onEnd: () => void;
  }): Stream;
  /** Program side of the writer. Gone with its life. */
  accept(writer: Machine, route: string, take: (stream: Stream) => void): void;
  /** Streams that at least one side believes to be open. */
  all(): Stream[];
};

export const createStreams = (world: World, network: Network): Streams => {
  const streams = new Set<Stream>();
  const pending = new Map<number, Stream>();
  let streamsOpened = 0;

  return {
    all: () => [...streams],
    accept: (writer, route, take) => {
      writer.listen(route, (body, reply) => {
        const stream = pending.get((body as { stream: number }).stream);
        // A late copy of a request to open finds the stream taken.
        if (!stream) return;
        pending.delete((body as { stream: number }).stream);
        take(stream);
        reply(null);
      });
    },
    open: ({ reader, writer, route, onLine, onEnd }) => {
      streamsOpened += 1;
      const number = streamsOpened;
      const readerLife = reader.life();
      let writerLife: number | null = null;
      let readable = true;
      let silent = false;
      let skips = 0;
      let lastArrivalMs = 0;
      let stalledUntilMs = 0;
      let closedByReader = (): void => {};

      /** In order: nothing overtakes what was written before. */
      const arrive = (run: () => void): void => {
        const atMs = Math.max(world.nowMs() + network.delayMs('prompt'), lastArrivalMs, stalledUntilMs);
        lastArrivalMs = atMs;
        world.after(atMs - world.nowMs(), () =>
          reader.hear(() => (readable && reader.life() === readerLife ? run() : undefined)),
        );
      };
      const forget = (): void => {
        streams.delete(stream);
        pending.delete(number);
        unwatchReader();
        unwatchWriter();
      };
      const end = (): void =>
        arrive(() => {
          stream.close();
          onEnd();
        });

      const stream: Stream = {
        write: (line) => {
          if (network.isCut(writer, reader)) silent = true;
          if (silent) return;
          const text = JSON.stringify(line);
          if (skips > 0 && text.includes('"changes"')) {
            skips -= 1;
            world.count('skipped stream lines');
            return;
          }
          arrive(() => onLine(JSON.parse(text)));
        },
        onClosedByReader: (run) => {
          assert(writerLife === null, 'A stream has one writer');
          writerLife = writer.life();
          const life = writerLife;
          closedByReader = () => writer.hear(() => (writer.life() === life ? run() : undefined));
        },
        close: () => {
          if (!readable) return;
          readable = false;
          forget();
          world.after(network.delayMs(), () => closedByReader());
        },
        isOpen: () => readable,
        breakOff: () => {
          silent = true;
          end();
          world.after(network.delayMs(), () => closedByReader());
        },
        fallSilent: () => {
          silent = true;
        },
        stall: (delayMs) => {
          stalledUntilMs = world.nowMs() + delayMs;
        },
        skipLines: (count) => {
          skips = count;
        },
      };

      streams.add(stream);
      pending.set(number, stream);
      const unwatchReader = reader.onDown(() => {
        readable = false;
        forget();
        if (writerLife !== null) world.after(network.delayMs(), () => closedByReader());
      });
      const unwatchWriter = writer.onDown(() => {
        if (!readable || writerLife === null) return;
        silent = true;
        if (world.chance.happens(0.8)) end();
      });
      network.call({
        from: reader,
        to: writer,
        route,
        body: { stream: number },
        waitMs: 1000,
        done: (answer) => {
          if (answer.kind === 'ok' || !readable || writerLife !== null) return;
          stream.close();
          onEnd();
        },
      });
      return stream;
    },
  };
};
