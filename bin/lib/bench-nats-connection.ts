/** As much of the NATS protocol as asking and being answered takes. One question at a time on each connection. */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { deadline } from '@till/shared/clock';

export type NatsConnection = {
  /** Sends a message to a subject, and returns what is answered to it. An answer may get lost: rejects after a while. */
  ask(subject: string, body: string): Promise<string>;
  close(): void;
};

const LINE_END = '\r\n';
const ANSWER_WITHIN_MS = 2000;

/** MSG <subject> <subscription> [reply to] <size>; HMSG has the size of the headers before that of all. null: no message. */
const sizesIn = (line: string): { headers: number; all: number } | null => {
  const words = line.split(/ +/);
  const [kind] = words;
  if (kind === 'MSG') return { headers: 0, all: Number(words.at(-1)) };
  return kind === 'HMSG' ? { headers: Number(words.at(-2)), all: Number(words.at(-1)) } : null;
};

export const openNats = (port: number): Promise<NatsConnection> =>
  new Promise((resolve, reject) => {
    const inbox = `_INBOX.${randomUUID()}`;
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let unread: Buffer = Buffer.alloc(0);
    let waiting: { answer(text: string): void; fail(error: Error): void } | null = null;

    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
      waiting?.fail(error);
    };

    const connection: NatsConnection = {
      ask: (subject, body) =>
        deadline(
          new Promise((answer, failed) => {
            waiting = { answer, fail: failed };
            socket.write(`PUB ${subject} ${inbox} ${Buffer.byteLength(body)}${LINE_END}${body}${LINE_END}`);
          }),
          ANSWER_WITHIN_MS,
        ),
      close: () => socket.destroy(),
    };

    /** Takes one thing that the server says from the front of what is unread; false if it is not there as a whole. */
    const takeOne = (): boolean => {
      const lineEnd = unread.indexOf(LINE_END);
      if (lineEnd === -1) return false;
      const line = unread.toString('utf8', 0, lineEnd);
      const sizes = sizesIn(line);
      const from = lineEnd + LINE_END.length;
      const end = sizes === null ? from : from + sizes.all + LINE_END.length;
      if (unread.length < end) return false;
      const body = sizes === null ? '' : unread.toString('utf8', from + sizes.headers, from + sizes.all);
      unread = unread.subarray(end);
      if (line === 'PING') socket.write(`PONG${LINE_END}`);
      else if (line === 'PONG') resolve(connection);
      else if (line.startsWith('-ERR')) fail(new Error(`NATS says ${line}`));
      // A status without a body: nobody listens on that subject.
      else if (sizes !== null && body === '') fail(new Error('NATS says that nobody answers there'));
      else if (sizes !== null) waiting?.answer(body);
      return true;
    };

    socket.on('data', (chunk) => {
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      while (takeOne());
    });
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('NATS closed the connection')));
    const hello = JSON.stringify({ verbose: false, pedantic: false, headers: true, no_responders: true });
    socket.write(`CONNECT ${hello}${LINE_END}SUB ${inbox} 1${LINE_END}PING${LINE_END}`);
  });
