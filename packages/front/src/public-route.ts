/** What a public route is, as data, and the schemas that several of them share. The routes themselves: routes.ts. */
import { errorSchema } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import Type, { type TSchema } from 'typebox';

export type PublicRoute = {
  method: 'GET' | 'POST';
  /** Several paths mean the same. */
  paths: readonly string[];
  summary: string;
  params?: TSchema;
  query?: TSchema;
  headers?: TSchema;
  body?: TSchema;
  /** Content of the answer by status; a string is a media type that is not JSON. */
  responses: Readonly<Record<number, TSchema | string>>;
};

export const dataOf = <Schema extends TSchema>(schema: Schema) => Type.Object({ data: schema });

/** Anything may be answered so: malformed paths, a queue that is full, a service that is away. */
export const failures = (...statuses: number[]): Record<number, TSchema> =>
  Object.fromEntries(statuses.map((status) => [status, errorSchema]));

export const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const nameSchema = Type.String({
  minLength: 1,
  maxLength: limits.nameLengthMax,
  description: 'Name of a product, without regard to case',
});
export const quantitySchema = Type.Integer({ minimum: 1, maximum: limits.quantityMax });
export const keySchema = Type.String({
  minLength: 1,
  maxLength: limits.keyLengthMax,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'Makes an order repeatable: visible ASCII characters',
});
export const numberSchema = Type.Integer({ minimum: 0, description: 'From 0, without gaps, never reused' });
export const sequenceSchema = Type.Integer({ minimum: 0, description: "Place in the catalog's journal, from 1" });
export const lineSchema = Type.Object({ name: nameSchema, quantity: quantitySchema });
export const typeSchema = Type.Union([Type.Literal('buy'), Type.Literal('sell')]);
export const orderIdSchema = Type.String({
  minLength: 1,
  maxLength: limits.orderIdLengthMax,
  pattern: '^[\\x21-\\x7e]+$',
  description: "The caller's own name of the order, known by it from then on: visible ASCII characters",
});
export const customerSchema = Type.String({
  minLength: 1,
  maxLength: limits.customerLengthMax,
  description: 'Whom the order is for; no answer says it',
});
