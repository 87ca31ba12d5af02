/** What is tolerated of the pages of bookshops that were written for other servers of this kind; as ../dialect.ts for orders. */
import type { Fields } from '../body.ts';
import { orderFields } from '../dialect.ts';

/** The fields of a checkout under their own names. Items may be written in any way that those of an order may. */
export const checkoutFields = (fields: Fields): Fields => {
  const { items = [], termsAccepted = fields.termsAndConditionsAccepted } = fields;
  return { ...fields, ...orderFields({ items }), termsAccepted };
};

/** Such pages look for the fields of the answer at the top of it, and not in `data`. */
export const pageAnswer = <Data extends object>(data: Data): { data: Data } & Data => ({ data, ...data });
