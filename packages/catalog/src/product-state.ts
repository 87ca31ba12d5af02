import type { ProductState } from '@till/shared/movement';
import type { Product } from './stock/types.ts';

/** A product as the outside sees it. */
export const stateOf = ({ name, price, quantity, version }: Product): ProductState => ({
  name,
  price,
  quantity,
  version,
});
