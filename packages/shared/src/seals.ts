/** The seals at the end of a line, for who knows already that they are right (sealed.ts makes and checks them). */
const HASH_FIELD = ',"hash":"';
const CRC_FIELD = '","crc":"';
const HASH_LENGTH = 32;
const SEALS_LENGTH = HASH_FIELD.length + HASH_LENGTH + CRC_FIELD.length + 8 + '"}'.length;

/** Whether a line has seals at all; not whether they are right. */
export const isSealed = (line: string): boolean =>
  line.startsWith(HASH_FIELD, line.length - SEALS_LENGTH) &&
  line.startsWith(CRC_FIELD, line.length - SEALS_LENGTH + HASH_FIELD.length + HASH_LENGTH) &&
  line.endsWith('"}');

/** The chain hash of a sealed line. */
export const hashOf = (line: string): string => {
  const at = line.length - SEALS_LENGTH + HASH_FIELD.length;
  return line.slice(at, at + HASH_LENGTH);
};
