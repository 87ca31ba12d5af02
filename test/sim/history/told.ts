/** The highest sequence that anybody outside has been told: what is sent after that is decided later (K6). */
export type Told = { highest(): number; tell(sequence: number): void };

export const createTold = (): Told => {
  let highest = 0;
  return {
    highest: () => highest,
    tell: (sequence) => {
      highest = Math.max(highest, sequence);
    },
  };
};
