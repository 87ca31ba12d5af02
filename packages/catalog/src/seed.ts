/** The file that an empty catalogue starts with. It is a setting, so what is wrong with it is reported like one. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '@till/shared/config';
import { limits } from '@till/shared/limits';
import type { SeedProduct } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { stockQuantityMax } from './stock/limits.ts';

const nameSchema = Type.String({ minLength: 1, maxLength: limits.nameLengthMax, pattern: '^\\S(.*\\S)?$' });
const productSchema = Type.Object(
  {
    name: nameSchema,
    kind: Type.Union([Type.Literal('toy'), Type.Literal('stock'), Type.Literal('book')]),
    price: Type.Number({ minimum: 0 }),
    quantity: Type.Integer({ minimum: 0, maximum: stockQuantityMax }),
    restock: Type.Boolean(),
    author: Type.Optional(nameSchema),
  },
  { additionalProperties: false },
);
const checker = Compile(productSchema);

/** The products of the seed file. Throws `ConfigError` that lists everything wrong with it. */
export const readSeed = (path: string): SeedProduct[] => {
  const products = parse(path);
  const problems = products.flatMap((product, place) =>
    checker.Errors(product).map(({ instancePath, message }) => `SEED: product ${place} ${instancePath} ${message}`),
  );
  if (problems.length === 0)
    problems.push(...repeatedNames(products as SeedProduct[]), ...strangeAuthors(products as SeedProduct[]));
  if (problems.length > 0) throw new ConfigError(problems);
  return products as SeedProduct[];
};

const parse = (path: string): unknown[] => {
  try {
    const products: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(products) && products.length > 0) return products;
  } catch (error) {
    throw new ConfigError([`SEED: cannot read "${path}": ${error instanceof Error ? error.message : error}`]);
  }
  throw new ConfigError([`SEED: "${path}" is not a list of products`]);
};

/** Names that differ only in case would be one product. */
const repeatedNames = (products: SeedProduct[]): string[] => {
  const seen = new Set<string>();
  return products.flatMap(({ name }) => {
    const folded = foldName(name);
    if (seen.has(folded)) return [`SEED: "${name}" is named twice`];
    seen.add(folded);
    return [];
  });
};

/** Only books are written by somebody. */
const strangeAuthors = (products: SeedProduct[]): string[] =>
  products.flatMap(({ name, kind, author }) =>
    author === undefined || kind === 'book' ? [] : [`SEED: "${name}" has an author and is no book`],
  );
