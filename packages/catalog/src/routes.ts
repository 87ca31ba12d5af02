/** What each request of the contract means here. */
import { catalogContract } from '@till/shared/contract';
import { Problem } from '@till/shared/errors';
import { createHandler } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import { foldName } from '@till/shared/names';
import type { Driver } from './driver.ts';
import { stateOf } from './product-state.ts';
import type { Product } from './stock/types.ts';

export const createRoutes = (driver: Driver) => ({
  product: createHandler(catalogContract.product, ({ params: { name } }) => ({
    ...at(driver),
    product: stateOf(known(driver, name)),
  })),
  products: createHandler(catalogContract.products, () => ({
    ...at(driver),
    products: [...driver.stock.products.values()].map(stateOf),
  })),
  movements: createHandler(catalogContract.movements, ({ body }) => driver.place(body)),
  fence: createHandler(catalogContract.fence, ({ body }) => driver.fence(body)),
  history: createHandler(catalogContract.history, ({ query: { after, limit } }) =>
    driver.history({ after, linesMax: Math.min(limit ?? limits.historyLinesMax, limits.historyLinesMax) }),
  ),
  trail: createHandler(catalogContract.trail, async ({ query: { after, limit, product } }) => {
    const changesMax = Math.min(limit ?? limits.historyLinesMax, limits.historyLinesMax);
    const name = product === undefined ? null : known(driver, product).name;
    return { epoch: driver.epoch, ...(await driver.trail({ after, changesMax, name })) };
  }),
});

/** The product of this name, in whatever spelling. */
const known = ({ stock }: Driver, name: string): Product => {
  const product = stock.product(foldName(name));
  if (product === undefined) throw new Problem(404, 'unknown_product', `Cannot find product "${name}"`);
  return product;
};

/** Which run of the catalog answers, and up to which sequence. */
const at = ({ epoch, stock }: Driver) => ({ epoch, asOf: stock.sequence });
