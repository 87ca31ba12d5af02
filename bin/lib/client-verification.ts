/** Compares what was acknowledged with what the service tells, field by field. */

/** An order as the client knows it: what it asked for, under the number that it was given. */
export type AcknowledgedOrder = { number: number; name: string; quantity: number };

/** Every way in which the answer to a query is not the acknowledged order; empty if it is exactly that. */
export const compareOrder = (expected: AcknowledgedOrder, status: number, body: unknown): string[] => {
  const told = `order ${expected.number}`;
  if (status === 404)
    return [`${told} is missing: ${expected.quantity} of ${JSON.stringify(expected.name)} were acknowledged`];
  const data = (body as { data?: unknown } | null)?.data;
  if (status !== 200 || typeof data !== 'object' || data === null) {
    return [`${told} cannot be read: status ${status}, ${JSON.stringify(body)}`];
  }
  const found = data as Record<string, unknown>;
  const fields = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...fields]
    .filter((field) => found[field] !== expected[field as keyof AcknowledgedOrder])
    .map((field) => {
      const [was, is] = [expected[field as keyof AcknowledgedOrder], found[field]];
      return `${told} differs: ${field} is ${JSON.stringify(is)}, acknowledged was ${JSON.stringify(was)}`;
    });
};

/** Numbers that were given to more than one order: field by field, each of the two might still look right. */
export const findRepeatedNumbers = (orders: readonly AcknowledgedOrder[]): string[] => {
  const seen = new Set<number>();
  const repeated = new Set<number>();
  for (const { number } of orders) (seen.has(number) ? repeated : seen).add(number);
  return [...repeated].map((number) => `order ${number} was acknowledged more than once, for different requests`);
};
