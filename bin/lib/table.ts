/** Tables for people. */
import Table from 'cli-table3';

export type Cell = string | number;

/** Rows under a head; columns of numbers are set to the right. */
export const drawTable = (head: string[], rows: Cell[][]): string => {
  const isNumeric = (column: number) => rows.some((row) => typeof row[column] === 'number');
  const table = new Table({
    head,
    colAligns: head.map((_, column) => (isNumeric(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows);
  return table.toString();
};

/** The same as Markdown. */
export const drawMarkdownTable = (head: string[], rows: Cell[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
