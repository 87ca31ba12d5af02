/** How messages show what they are about. */

const QUOTED_LENGTH_MAX = 60;

/** A value as it is shown in a message: as JSON, cut when it is long. */
export const quote = (value: unknown): string => {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length <= QUOTED_LENGTH_MAX ? text : `${text.slice(0, QUOTED_LENGTH_MAX)}...`;
};
