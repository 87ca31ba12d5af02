/** What the services said of an order in their logs: JSON, behind PM2's time stamp or not. */
import { ORDER_STEP } from '@till/shared/order-log';
import { eachLine, type TraceFile } from './trace-files.ts';
import type { TraceRow } from './trace-rows.ts';
import type { Subject } from './trace-subject.ts';

export type Words = {
  rows: TraceRow[];
  /** Lines that were about it and are more than a reader wants. */
  leftOut: number;
  /** What was read, in words. */
  searched: string[];
};

/** Far more than an order's way has, even one that took a hundred attempts of delivery. */
const ROWS_MAX = 10_000;

export const readWords = (files: TraceFile[], subject: Subject): Words => {
  const words: Words = { rows: [], leftOut: 0, searched: [] };
  for (const file of files) {
    const count = eachLine(file.parts, (text) => {
      if (!subject.mayBeIn(text)) return;
      const row = rowOf(file, text, subject);
      if (row === null) return;
      if (words.rows.length < ROWS_MAX) words.rows.push(row);
      else words.leftOut += 1;
    });
    words.searched.push(`${file.name} (${count} lines)`);
  }
  return words;
};

/** null for a line that is not about it, or that no service of Till wrote. */
const rowOf = (file: TraceFile, text: string, subject: Subject): TraceRow | null => {
  const fields = fieldsOf(text);
  if (fields === null) return null;
  const { level, time, pid: _, service, msg, step, ...details } = fields;
  const { key, alsoKey, of, checkout, number, sequence } = details;
  const keys = [key, alsoKey, of, typeof checkout === 'string' ? `checkout ${checkout}` : null];
  // Other lines say "number" and "sequence" of other things; a key is nothing else.
  const isStep = msg === ORDER_STEP;
  const isNamed = subject.isNamed(isStep ? { keys, number, sequence } : { keys: [key], number: null, sequence: null });
  const at = Date.parse(String(time));
  if (!isNamed || Number.isNaN(at)) return null;
  const by = typeof service === 'string' ? service : file.service;
  if (isStep) return { time: at, service: by, step: String(step), details };
  return { time: at, service: by, step: String(level), details: { msg, ...details } };
};

const fieldsOf = (text: string): Record<string, unknown> | null => {
  const from = text.indexOf('{');
  if (from === -1) return null;
  try {
    const fields: unknown = JSON.parse(text.slice(from));
    return typeof fields === 'object' ? (fields as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};
