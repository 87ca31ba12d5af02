/** The calling side of a link: opened at the first call, and again at the first one after it broke. */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from './limits.ts';
import { createFrameReader, LINK_PROTOCOL, openFrame, writeFrame } from './link.ts';

export type LinkCall = {
  method: 'GET' | 'POST';
  path: string;
  body: string | undefined;
  timeoutMs: number;
};

/** Why a call has no answer. The error of a connection that was refused says so: then it was certainly not sent. */
export type LinkFailure = { kind: 'broken' | 'timeout'; error?: unknown };

export type LinkHandler = {
  onAnswer(status: number, text: string): void;
  onFailure(failure: LinkFailure): void;
  /** The service knows no links: it has to be called in another way, now and from now on. */
  onUnknown(): void;
};

export type LinkClient = {
  call(call: LinkCall, handler: LinkHandler): void;
  close(): void;
};

/** `frame`: what is to be sent, until it is. `heard`: how many answers had come on the link by then. */
type Waiting = { handler: LinkHandler; timer: NodeJS.Timeout; frame: string | null; heard: number };

export const createLinkClient = (origin: string): LinkClient => {
  const waiting = new Map<number, Waiting>();
  let socket: Socket | null = null;
  let opening: ReturnType<typeof request> | null = null;
  let calls = 0;
  let answers = 0;
  let closed = false;

  const settle = (id: number): Waiting | undefined => {
    const one = waiting.get(id);
    if (one === undefined) return undefined;
    waiting.delete(id);
    clearTimeout(one.timer);
    return one;
  };

  const failAll = (failure: LinkFailure): void => {
    for (const id of [...waiting.keys()]) settle(id)?.handler.onFailure(failure);
  };

  /** Whose call was sent on this connection is told; for those whose was not, another is opened. */
  const drop = (failure: LinkFailure): void => {
    const dropped = socket ?? opening;
    socket = null;
    opening = null;
    dropped?.destroy();
    for (const [id, { frame }] of [...waiting]) if (frame === null) settle(id)?.handler.onFailure(failure);
    if (waiting.size > 0) open();
  };

  /**
   * A connection on which nothing came while somebody waited is not relied on any more. It is silent, not broken: the others
   * on it must not conclude that nobody is there.
   */
  const giveUp = (id: number): void => {
    const one = settle(id);
    if (one === undefined) return;
    if (one.heard === answers) drop({ kind: 'timeout' });
    one.handler.onFailure({ kind: 'timeout' });
  };

  const send = (one: Waiting): void => {
    const { frame } = one;
    if (socket === null || frame === null) return;
    one.frame = null;
    one.heard = answers;
    // A peer that takes nothing in must not fill this process's memory.
    if (socket.writableLength <= limits.linkBacklogBytesMax) writeFrame(socket, frame);
    else drop({ kind: 'broken', error: new Error('the other side takes nothing in') });
  };

  const take = (text: string): void => {
    answers += 1;
    const { head, body } = openFrame(text);
    const space = head.indexOf(' ');
    settle(Number(head.slice(0, space)))?.handler.onAnswer(Number(head.slice(space + 1)), body);
  };

  const use = (opened: Socket, first: Buffer): void => {
    opening = null;
    socket = opened;
    let why: unknown;
    const read = createFrameReader({ bytesMax: limits.internalBodyBytesMax });
    const takeAll = (chunk: Buffer): void => {
      try {
        for (const text of read(chunk)) take(text);
      } catch (error) {
        opened.destroy(error as Error);
      }
    };
    opened.setNoDelay(true);
    opened.setTimeout(0);
    opened.on('error', (error) => {
      why = error;
    });
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = null;
      failAll({ kind: 'broken', error: why ?? new Error('the other side closed the connection') });
    });
    opened.on('data', takeAll);
    for (const one of waiting.values()) send(one);
    if (first.length > 0) takeAll(first);
  };

  const open = (): void => {
    if (opening !== null) return;
    const asked = request(`${origin}/`, {
      agent: false,
      headers: { connection: 'Upgrade', upgrade: LINK_PROTOCOL },
      timeout: limits.internalWaitMs,
    });
    opening = asked;
    asked.on('upgrade', (_response, opened, first) => {
      if (opening === asked) use(opened as Socket, first);
      else opened.destroy();
    });
    asked.on('response', (response) => {
      if (opening !== asked) return;
      opening = null;
      response.resume();
      response.socket.destroy();
      for (const id of [...waiting.keys()]) settle(id)?.handler.onUnknown();
    });
    asked.on('timeout', () => asked.destroy(new Error('no connection in time')));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (opening !== asked) return;
      opening = null;
      failAll({ kind: 'broken', error });
    });
    asked.end();
  };

  return {
    call({ method, path, body, timeoutMs }, handler) {
      if (closed) return handler.onFailure({ kind: 'broken', error: new Error('the connection was closed here') });
      calls += 1;
      const id = calls;
      const frame = `${id} ${method} ${path}\n${body ?? ''}`;
      const one: Waiting = { handler, frame, heard: answers, timer: setTimeout(() => giveUp(id), timeoutMs) };
      waiting.set(id, one);
      if (socket === null) open();
      else send(one);
    },
    close() {
      closed = true;
      const failure: LinkFailure = { kind: 'broken', error: new Error('the connection was closed here') };
      failAll(failure);
      drop(failure);
    },
  };
};
