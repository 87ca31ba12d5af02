/**
 * The most that can be in stock of one product. An order line moves at most 1,000,000 and a client can sell without end,
 * so something must be the end: a million of the largest sells, which nobody reaches by honest trade, and a thousandth
 * of what a double counts exactly, so that no sum of lines on top of it can lose a unit.
 */
export const stockQuantityMax = 1_000_000_000_000;
