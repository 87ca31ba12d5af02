/**
 * A link: one connection between two services on which many calls are under way at a time, each a frame there and a frame
 * back. What is called is the same as over HTTP, and so is what is said; only the envelope is smaller: between Node and Node a
 * call costs half of what it costs over HTTP, and most of an order's time is spent between the services.
 *
 *   frame    = length of what follows (4 bytes, big-endian), text (UTF-8)
 *   request  = ID SPACE METHOD SPACE PATH LF BODY
 *   response = ID SPACE STATUS LF BODY
 *
 * It begins as an HTTP request that asks for an upgrade, on the service's own port. Who does not know it answers as to any
 * other request, and is called over HTTP. What is no frame, or no request, ends the connection.
 */
import type { Socket } from 'node:net';

export const LINK_PROTOCOL = 'till-link';

const LENGTH_BYTES = 4;

export const writeFrame = (socket: Socket, text: string): void => {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + Buffer.byteLength(text));
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0);
  frame.write(text, LENGTH_BYTES);
  socket.write(frame);
};

/** Texts of frames out of chunks of bytes, however the chunks were cut. Throws if a frame is longer than allowed. */
export const createFrameReader = ({ bytesMax }: { bytesMax: number }): ((chunk: Buffer) => string[]) => {
  let parts: Buffer[] = [];
  let have = 0;
  let wanted = LENGTH_BYTES;
  return (chunk) => {
    parts.push(chunk);
    have += chunk.length;
    if (have < wanted) return [];
    const bytes = parts.length === 1 ? chunk : Buffer.concat(parts);
    const texts: string[] = [];
    let at = 0;
    wanted = LENGTH_BYTES;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(at);
      if (length > bytesMax) throw new RangeError(`Cannot read a frame of ${length} bytes: at most ${bytesMax}`);
      wanted = LENGTH_BYTES + length;
      if (bytes.length - at < wanted) break;
      texts.push(bytes.toString('utf8', at + LENGTH_BYTES, at + wanted));
      at += wanted;
      wanted = LENGTH_BYTES;
    }
    parts = at === bytes.length ? [] : [bytes.subarray(at)];
    have = bytes.length - at;
    return texts;
  };
};

const REQUEST = /^(\d{1,15}) (GET|POST) (\/\S*)$/;

export type FramedRequest = { id: string; method: string; path: string; body: string };

/** The request that a frame's text is. Throws if it is none. */
export const openRequest = (text: string): FramedRequest => {
  const { head, body } = openFrame(text);
  const [, id, method, path] = REQUEST.exec(head) ?? [];
  if (id === undefined || method === undefined || path === undefined) {
    throw new RangeError(`Cannot read ${JSON.stringify(head.slice(0, 100))} as a request`);
  }
  return { id, method, path, body };
};

/** The first line of a frame's text, and what follows it. */
export const openFrame = (text: string): { head: string; body: string } => {
  const headEnd = text.indexOf('\n');
  return headEnd === -1 ? { head: text, body: '' } : { head: text.slice(0, headEnd), body: text.slice(headEnd + 1) };
};
