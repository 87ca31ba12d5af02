/** What is still to happen, soonest first; events of one moment keep the order in which they were planned. */

type Event = { atMs: number; order: number; run: () => void };

export type EventQueue = {
  size(): number;
  add(atMs: number, run: () => void): void;
  /** Takes the soonest event out, or undefined if there is none. */
  next(): Event | undefined;
};

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export const createEventQueue = (): EventQueue => {
  const heap: Event[] = [];
  let orders = 0;

  const at = (place: number): Event => heap[place] as Event;

  const rise = (start: number): void => {
    const event = at(start);
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(event, at(parent))) break;
      heap[place] = at(parent);
      place = parent;
    }
    heap[place] = event;
  };

  const sink = (event: Event): void => {
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(at(child + 1), at(child))) child += 1;
      if (!before(at(child), event)) break;
      heap[place] = at(child);
      place = child;
    }
    heap[place] = event;
  };

  return {
    size: () => heap.length,
    add: (atMs, run) => {
      orders += 1;
      heap.push({ atMs, order: orders, run });
      rise(heap.length - 1);
    },
    next: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first && last && heap.length > 0) sink(last);
      return first;
    },
  };
};
