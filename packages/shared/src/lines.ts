/** Text lines out of chunks of bytes, however the chunks were cut. */

export type LineSplitter = {
  /** The lines that this chunk completes, without their line feeds. Throws if a line is longer than allowed. */
  push(chunk: Uint8Array): string[];
  /** What came after the last line feed. */
  rest(): string;
};

export const createLineSplitter = ({ lineLengthMax }: { lineLengthMax: number }): LineSplitter => {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    push(chunk) {
      const lines = decoder.decode(chunk, { stream: true }).split('\n');
      lines[0] = rest + lines[0];
      rest = lines.pop() as string;
      if (rest.length > lineLengthMax)
        throw new RangeError(`Cannot read a line of more than ${lineLengthMax} characters`);
      return lines;
    },
    rest: () => rest,
  };
};
