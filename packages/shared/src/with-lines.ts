/**
 * How a value with sealed lines in it travels: the value as JSON on the first line, without its lines; then the lines, as
 * they stand in a file. So a line is encoded once, when it is sealed, and never again on its way. A value that has no list
 * of lines is plain JSON.
 */

export const LINES_TYPE = 'application/x-ndjson; charset=utf-8';

/** `property`: the one that holds the lines, which have no line feed in them. */
export const encodeWithLines = (value: object, property: string): string => {
  const { [property]: lines, ...head } = value as Record<string, unknown>;
  if (!Array.isArray(lines)) return JSON.stringify(head);
  const text = JSON.stringify(head);
  return lines.length === 0 ? `${text}\n` : `${text}\n${lines.join('\n')}`;
};

/** Throws a `SyntaxError` if the head is no JSON. What the lines are is for the reader to check. */
export const decodeWithLines = (text: string, property: string): unknown => {
  const headEnd = text.indexOf('\n');
  if (headEnd === -1) return JSON.parse(text);
  const head = JSON.parse(text.slice(0, headEnd)) as unknown;
  if (typeof head !== 'object' || head === null) return head;
  return { ...head, [property]: headEnd + 1 === text.length ? [] : text.slice(headEnd + 1).split('\n') };
};
