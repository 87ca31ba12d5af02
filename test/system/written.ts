/** All that the processes of a test have written anywhere, to be searched for what must not be there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where it stands, and the text. */
export type Written = [place: string, text: string];

/** Every file of a folder, however deep: stores, records, logs. */
export const filesOf = (folder: string): Written[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, 'utf8')]);

/** Ten digits are no accident. */
const TELLTALE_DIGITS = 10;

/** Finds what may not be kept of a card's number, all but the last four digits, whatever stands between the digits. */
export const cardPattern = (number: string): RegExp => {
  const digits = number.replace(/\D/g, '').slice(0, -4);
  const parts = [digits.slice(0, TELLTALE_DIGITS), digits.slice(-TELLTALE_DIGITS)];
  return new RegExp(parts.map((part) => [...part].join('\\D?')).join('|'));
};
