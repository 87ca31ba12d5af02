/**
 * A snapshot: the stock after some movement, so that a start need not read the journal from its beginning. It is made of the
 * journal and can be made again; docs/log-format.md says its form.
 *
 * It belongs to the history whose line at its sequence has its chain hash, and to no other.
 */
import { createHash, hash as digest } from 'node:crypto';
import type { StockState } from './stock/types.ts';

/** `hash`: the chain hash of the line with this sequence. */
export type Snapshot = StockState & { readonly hash: string };

const VERSION = 1;
/** How much is encoded at once: who writes a snapshot can let others have their turn in between. */
const PIECE_LENGTH = 64 * 1024;
const PIECE_ITEMS = 500;
const TAIL_BEGIN = ',"sha256":"';
const TAIL_END = '"}\n';
const TAIL_BYTES = TAIL_BEGIN.length + 64 + TAIL_END.length;

/** The bytes of the file, a piece at a time. */
export function* encodeSnapshot(snapshot: Snapshot): Generator<Uint8Array> {
  const sum = createHash('sha256');
  let text = '';
  for (const part of bodyOf(snapshot)) {
    text += part;
    if (text.length < PIECE_LENGTH) continue;
    sum.update(text);
    yield Buffer.from(text);
    text = '';
  }
  sum.update(text);
  yield Buffer.from(`${text}${TAIL_BEGIN}${sum.digest('hex')}${TAIL_END}`);
}

function* bodyOf({ sequence, number, time, term, hash, ...lists }: Snapshot): Generator<string> {
  yield JSON.stringify({ version: VERSION, sequence, number, time, term, hash }).slice(0, -1);
  const { products, waiting, notes, cancellations } = lists;
  for (const [name, items] of Object.entries({ products, waiting, notes, cancellations })) {
    yield `,"${name}":[`;
    yield* piecesOf(items);
    yield ']';
  }
}

/** The JSON texts of the items with commas between them, some at a time. */
function* piecesOf(items: Iterable<unknown>): Generator<string> {
  let comma = '';
  let piece: unknown[] = [];
  for (const item of items) {
    piece.push(item);
    if (piece.length < PIECE_ITEMS) continue;
    yield comma + JSON.stringify(piece).slice(1, -1);
    comma = ',';
    piece = [];
  }
  if (piece.length > 0) yield comma + JSON.stringify(piece).slice(1, -1);
}

/** null for whatever is not a whole snapshot of this form. */
export const decodeSnapshot = (bytes: Uint8Array): Snapshot | null => {
  const tailAt = bytes.length - TAIL_BYTES;
  if (tailAt < 0) return null;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, tailAt);
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset + tailAt, TAIL_BYTES).toString();
  if (tail !== `${TAIL_BEGIN}${digest('sha256', body, 'hex')}${TAIL_END}`) return null;
  const { version, ...snapshot } = JSON.parse(`${body.toString()}}`) as Snapshot & { version: number };
  return version === VERSION ? snapshot : null;
};
