/** A broken promise: the number of the invariant and what was seen. It ends the run. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(what);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

/** Stops the run unless the condition holds. The text is made only when it is needed: this runs after every step. */
export function mustHold(condition: boolean, invariant: string, what: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, what());
}
