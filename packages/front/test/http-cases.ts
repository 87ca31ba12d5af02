/**
 * What the front answers to one request at a time, as data. The cases of a group run in order on one shop; the shop
 * starts with the products of memory-shop.ts. They can be run against the router alone or against a server.
 */

import { monthOf } from '@till/checks/expiry';
import { wallMs } from '@till/shared/clock';
import { soundDetails } from '../../checks/test/sound.ts';
import { SECRETS, signatureOf } from './router-deps.ts';

export type HttpCase = {
  what: string;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, a text as it is. */
  body?: unknown;
  status: number;
  /** The whole answer. */
  answer?: unknown;
  /** Of an error. */
  reason?: string;
  message?: string;
  /** Headers that must be there so; null: must not be there. */
  answerHeaders?: Record<string, string | null>;
};

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };
const order = (body: unknown, headers: Record<string, string> = JSON_TYPE) => ({
  method: 'POST',
  path: '/orders',
  headers,
  body,
});
const keyed = (key: string, body: unknown) => order(body, { ...JSON_TYPE, 'idempotency-key': key });
/** A webhook of Shopify's, signed as a case asks for. */
const webhook = (topic: string, body: unknown, { secret = SECRETS[0] as string, type = 'application/json' } = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': type, 'x-shopify-hmac-sha256': signatureOf(text, secret) };
  return { method: 'POST', path: `/webhooks/shopify/orders/${topic}`, headers, body: text };
};
const created = (body: unknown, how?: { secret?: string; type?: string }) => webhook('create', body, how);
const cancelled = (body: object, how?: { secret?: string }) =>
  webhook('cancelled', { ...body, cancelled_at: '2026-01-01T00:00:00Z' }, how);
/** Beside what is read, some of what Shopify sends too. */
const shopifyOrder = (id: unknown, lines: [string, number][]) => ({
  id,
  email: 'jon@example.com',
  total_price: '409.94',
  line_items: lines.map(([sku, quantity], at) => ({ id: 866550311 + at, sku, quantity, price: '199.00' })),
});
const checkout = (change: object = {}, headers: Record<string, string> = JSON_TYPE) => ({
  method: 'POST',
  path: '/checkout',
  headers,
  body: { ...soundDetails(monthOf(wallMs())), items: [{ name: 'Tux', quantity: 2 }], ...change },
});
const replayed = { 'idempotent-replayed': 'true' };
const notReplayed = { 'idempotent-replayed': null };
const tux = { data: { name: 'Tux', price: 15.99, quantity: 100 } };
const book = { data: { name: 'Čapek: R.U.R. / 1920', price: 8, quantity: 5 } };

export const httpCases: Record<string, HttpCase[]> = {
  products: [
    { what: 'a product', path: '/products/Tux', status: 200, answer: tux },
    { what: 'the same under stocks', path: '/stocks/Tux', status: 200, answer: tux },
    { what: 'any case', path: '/products/tUX', status: 200, answer: tux },
    { what: 'a trailing slash', path: '/products/Tux/', status: 200, answer: tux },
    { what: 'a query that means nothing', path: '/products/Tux?x=1', status: 200, answer: tux },
    { what: 'an encoded letter', path: '/products/%54ux', status: 200, answer: tux },
    {
      what: 'an encoded name with a slash, in another case and another composition',
      path: '/products/c%CC%8CAPEK%3A%20r.u.r.%20%2F%201920',
      status: 200,
      answer: book,
    },
    {
      what: 'no such product',
      path: '/products/Dodo',
      status: 404,
      answer: { error: { code: 404, message: 'Cannot find a product named "Dodo"', reason: 'unknown_product' } },
      answerHeaders: { 'content-type': 'application/json; charset=utf-8' },
    },
    { what: 'a name of every object', path: '/products/__proto__', status: 404, reason: 'unknown_product' },
    { what: 'another one', path: '/products/constructor', status: 404, reason: 'unknown_product' },
    { what: 'a name of any length', path: `/products/${'x'.repeat(500)}`, status: 404, reason: 'unknown_product' },
    { what: 'a path that cannot be decoded', path: '/products/%E0%A4', status: 400, reason: 'invalid_path' },
    { what: 'the same under stocks', path: '/stocks/%', status: 400, reason: 'invalid_path' },
    {
      what: 'all products',
      path: '/products',
      status: 200,
      answer: {
        data: [
          tux.data,
          { name: 'Fox', price: 20, quantity: 3 },
          { name: 'GameStart', price: 57.5, quantity: 100 },
          book.data,
        ],
      },
    },
    { what: 'all products, trailing slash', path: '/products/', status: 200 },
  ],

  methods: [
    { what: 'no route', path: '/', status: 404, reason: 'unknown_route', message: 'Cannot find "/" here' },
    { what: 'no route below a product', path: '/products/Tux/price', status: 404, reason: 'unknown_route' },
    { what: 'no list of stocks', path: '/stocks', status: 404, reason: 'unknown_route' },
    { what: 'no route for a POST', method: 'POST', path: '/nowhere', body: {}, status: 404, reason: 'unknown_route' },
    { what: 'paths have a case', path: '/PRODUCTS/Tux', status: 404, reason: 'unknown_route' },
    {
      what: 'a wrong method',
      method: 'DELETE',
      path: '/products/Tux',
      status: 405,
      reason: 'wrong_method',
      message: 'Cannot DELETE here: only GET, HEAD',
      answerHeaders: { allow: 'GET, HEAD, OPTIONS' },
    },
    {
      what: 'a wrong method on orders',
      method: 'PUT',
      path: '/orders',
      body: {},
      status: 405,
      answerHeaders: { allow: 'POST, GET, HEAD, OPTIONS' },
    },
    {
      what: 'a wrong method on the metrics',
      method: 'POST',
      path: '/metrics',
      body: {},
      status: 405,
      answerHeaders: { allow: 'GET, HEAD, OPTIONS' },
    },
    { what: 'HEAD', method: 'HEAD', path: '/products/Tux', status: 200, answerHeaders: { 'content-length': '52' } },
    { what: 'HEAD of nothing', method: 'HEAD', path: '/products/Dodo', status: 404 },
    {
      what: 'OPTIONS',
      method: 'OPTIONS',
      path: '/orders/7',
      status: 204,
      answerHeaders: { allow: 'GET, HEAD, POST, OPTIONS' },
    },
    { what: 'alive', path: '/healthz', status: 200, answer: { data: { alive: true } } },
    { what: 'ready', path: '/readyz', status: 200, answer: { data: { ready: true } } },
    {
      what: 'metrics',
      path: '/metrics',
      status: 200,
      answerHeaders: { 'content-type': 'text/plain' },
    },
  ],

  orders: [
    {
      what: 'an order',
      ...order({ name: 'Tux', quantity: 2 }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: { 'idempotent-replayed': null },
    },
    {
      what: 'numbers follow',
      ...order({ name: 'fox', quantity: 1 }),
      status: 200,
      answer: { data: { order_number: 1 } },
    },
    {
      what: 'a typed order',
      ...order({ name: 'GameStart', quantity: 5, type: 'buy' }),
      status: 200,
      answer: { data: { transaction_number: 2, 'transaction-number': 2 } },
    },
    {
      what: 'selling adds to the stock',
      ...order({ name: 'GameStart', quantity: 25, type: 'sell' }),
      status: 200,
      answer: { data: { transaction_number: 3, 'transaction-number': 3 } },
    },
    {
      what: 'so it has',
      path: '/stocks/GameStart',
      status: 200,
      answer: { data: { name: 'GameStart', price: 57.5, quantity: 120 } },
    },
    {
      what: 'several items',
      ...order({
        items: [
          { name: 'tux', quantity: 1 },
          { name: 'Fox', quantity: 1 },
          { name: 'TUX', quantity: 2 },
        ],
      }),
      status: 200,
      answer: { data: { order_number: 4 } },
    },
    { what: 'a trailing slash', ...order({ name: 'Tux', quantity: 1 }), path: '/orders/', status: 200 },
    {
      what: 'not enough',
      ...order({ name: 'Fox', quantity: 2 }),
      status: 400,
      reason: 'out_of_stock',
    },
    {
      what: 'lines of one product are added up',
      ...order({
        items: [
          { name: 'Tux', quantity: 1 },
          { name: 'Fox', quantity: 1 },
          { name: 'fox', quantity: 1 },
        ],
      }),
      status: 400,
      reason: 'out_of_stock',
    },
    {
      what: 'nothing of it is taken',
      path: '/products/Tux',
      status: 200,
      answer: { data: { ...tux.data, quantity: 94 } },
    },
    {
      what: 'an unknown product',
      ...order({ name: 'Dodo', quantity: 1 }),
      status: 404,
      reason: 'unknown_product',
      message: 'Cannot find a product named "Dodo"',
    },
    {
      what: 'a refusal has no number',
      ...order({ name: 'Tux', quantity: 1 }),
      status: 200,
      answer: { data: { order_number: 6 } },
    },
    {
      what: 'an order is found',
      path: '/orders/1',
      status: 200,
      answer: { data: { number: 1, name: 'Fox', quantity: 1 } },
    },
    {
      what: 'a typed order is found with its type',
      path: '/orders/3/',
      status: 200,
      answer: { data: { number: 3, name: 'GameStart', quantity: 25, type: 'sell' } },
    },
    {
      what: 'several items are found as posted, in the spelling of the catalogue',
      path: '/orders/4',
      status: 200,
      answer: {
        data: {
          number: 4,
          items: [
            { name: 'Tux', quantity: 1 },
            { name: 'Fox', quantity: 1 },
            { name: 'Tux', quantity: 2 },
          ],
        },
      },
    },
    {
      what: 'the order after the last',
      path: '/orders/7',
      status: 404,
      reason: 'unknown_order',
      message: 'Cannot find an order 7',
    },
    { what: 'a number beyond numbers', path: '/orders/99999999999999999999', status: 404, reason: 'unknown_order' },
    { what: 'a negative number', path: '/orders/-1', status: 404, reason: 'unknown_order' },
    {
      what: 'no number',
      path: '/orders/one',
      status: 404,
      reason: 'unknown_order',
      message: 'Cannot find an order "one"',
    },
    { what: 'a number that cannot be decoded', path: '/orders/%FF', status: 400, reason: 'invalid_path' },
  ],

  refusals: [
    {
      what: 'no JSON',
      ...order('{"name":'),
      status: 400,
      reason: 'malformed_json',
      message: 'Cannot read the body as JSON: "{\\"name\\":"',
    },
    {
      what: 'nothing',
      ...order(''),
      status: 400,
      reason: 'malformed_json',
      message: 'Cannot read the body as JSON: it is empty',
    },
    { what: 'a list', ...order([{ name: 'Tux', quantity: 1 }]), status: 400, reason: 'invalid_body' },
    {
      what: 'null',
      ...order('null'),
      status: 400,
      reason: 'invalid_body',
      message: 'Cannot read the body as an order: null is not an object',
    },
    {
      what: 'no name',
      ...order({ quantity: 1 }),
      status: 400,
      reason: 'missing_field',
      message: 'Cannot order without "name"',
    },
    {
      what: 'no quantity',
      ...order({ name: 'Tux' }),
      status: 400,
      reason: 'missing_field',
      message: 'Cannot order without "quantity"',
    },
    { what: 'an empty name', ...order({ name: '', quantity: 1 }), status: 400, reason: 'invalid_name' },
    { what: 'a name that is no text', ...order({ name: 7, quantity: 1 }), status: 400, reason: 'invalid_name' },
    { what: 'no name at all', ...order({ name: null, quantity: 1 }), status: 400, reason: 'invalid_name' },
    {
      what: 'a name that is too long',
      ...order({ name: 'x'.repeat(201), quantity: 1 }),
      status: 400,
      reason: 'invalid_name',
    },
    {
      what: 'a quantity of zero',
      ...order({ name: 'Tux', quantity: 0 }),
      status: 400,
      reason: 'invalid_quantity',
      message: 'Cannot order "quantity" 0: it must be a whole number from 1 to 1000000',
    },
    { what: 'a negative quantity', ...order({ name: 'Tux', quantity: -1 }), status: 400, reason: 'invalid_quantity' },
    { what: 'a fraction', ...order({ name: 'Tux', quantity: 1.5 }), status: 400, reason: 'invalid_quantity' },
    { what: 'too many', ...order({ name: 'Tux', quantity: 1_000_001 }), status: 400, reason: 'invalid_quantity' },
    {
      what: 'more than a number can be',
      ...order('{"name":"Tux","quantity":1e999}'),
      status: 400,
      reason: 'invalid_quantity',
      message: 'Cannot order "quantity" Infinity: it must be a whole number from 1 to 1000000',
    },
    {
      what: 'a text that is no number',
      ...order({ name: 'Tux', quantity: 'many' }),
      status: 400,
      reason: 'invalid_quantity',
      message: 'Cannot order "quantity" "many": it must be a whole number from 1 to 1000000',
    },
    { what: 'a text with a sign', ...order({ name: 'Tux', quantity: '-1' }), status: 400, reason: 'invalid_quantity' },
    { what: 'true', ...order({ name: 'Tux', quantity: true }), status: 400, reason: 'invalid_quantity' },
    {
      what: 'an unknown type',
      ...order({ name: 'Tux', quantity: 1, type: 'steal' }),
      status: 400,
      reason: 'invalid_type',
      message: 'Cannot order with "type" "steal": it must be "buy" or "sell"',
    },
    {
      what: 'a type in another case',
      ...order({ name: 'Tux', quantity: 1, type: 'Buy' }),
      status: 400,
      reason: 'invalid_type',
    },
    { what: 'no type at all', ...order({ name: 'Tux', quantity: 1, type: null }), status: 400, reason: 'invalid_type' },
    { what: 'no items', ...order({ items: [] }), status: 400, reason: 'invalid_items' },
    {
      what: 'items that are no list',
      ...order({ items: { name: 'Tux', quantity: 1 } }),
      status: 400,
      reason: 'invalid_items',
    },
    {
      what: 'an item that is no object',
      ...order({ items: ['Tux'] }),
      status: 400,
      reason: 'invalid_items',
      message: 'Cannot order "items[0]" "Tux": it must be an object',
    },
    {
      what: 'a wrong field of an item',
      ...order({
        items: [
          { name: 'Tux', quantity: 1 },
          { name: 'Fox', quantity: 0 },
        ],
      }),
      status: 400,
      reason: 'invalid_quantity',
      message: 'Cannot order "items[1].quantity" 0: it must be a whole number from 1 to 1000000',
    },
    {
      what: 'items and a name',
      ...order({ items: [{ name: 'Tux', quantity: 1 }], name: 'Fox' }),
      status: 400,
      reason: 'invalid_items',
      message: 'Cannot order with "items" and "name" "Fox" at once',
    },
    {
      what: 'too many items',
      ...order({ items: Array.from({ length: 101 }, () => ({ name: 'Tux', quantity: 1 })) }),
      status: 400,
      reason: 'invalid_items',
    },
    {
      what: 'another type of body',
      ...order('name: Tux', { 'content-type': 'text/yaml' }),
      status: 415,
      reason: 'unsupported_type',
      message: 'Cannot read a body of type "text/yaml": expected application/json',
    },
    {
      what: 'a body that is too large',
      ...order({ name: 'Tux', quantity: 1, note: 'x'.repeat(65_536) }),
      status: 413,
      reason: 'body_too_large',
    },
    {
      what: 'fields of the prototype',
      ...order('{"__proto__":{"name":"Tux","quantity":1}}'),
      status: 400,
      reason: 'missing_field',
    },
    {
      what: 'a name of every object',
      ...order({ name: '__proto__', quantity: 1 }),
      status: 404,
      reason: 'unknown_product',
    },
    { what: 'no refusal left an order', path: '/orders/0', status: 404, reason: 'unknown_order' },
    { what: 'a field that means nothing', ...order({ name: 'Tux', quantity: 1, colour: 'black' }), status: 200 },
    {
      what: 'a field twice: the last counts',
      ...order('{"name":"Dodo","name":"Tux","quantity":9,"quantity":1}'),
      status: 200,
    },
    { what: 'a whole number written as a fraction', ...order('{"name":"Tux","quantity":1.0}'), status: 200 },
    { what: 'all at once', path: '/orders/2', status: 200, answer: { data: { number: 2, name: 'Tux', quantity: 1 } } },
  ],

  keys: [
    {
      what: 'a key',
      ...keyed('k-1', { name: 'Tux', quantity: 2 }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: { 'idempotent-replayed': null },
    },
    {
      what: 'the same again',
      ...keyed('k-1', { name: 'Tux', quantity: 2 }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: { 'idempotent-replayed': 'true' },
    },
    {
      what: 'the same, written otherwise',
      ...keyed('k-1', { quantity: '2', stock_name: 'TUX' }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: { 'idempotent-replayed': 'true' },
    },
    {
      what: 'another order under the key',
      ...keyed('k-1', { name: 'Tux', quantity: 3 }),
      status: 422,
      reason: 'key_reused',
      message: 'Cannot use the key "k-1" again: it belongs to another order',
    },
    {
      what: 'a type makes another order',
      ...keyed('k-1', { name: 'Tux', quantity: 2, type: 'buy' }),
      status: 422,
      reason: 'key_reused',
    },
    {
      what: 'so does a list',
      ...keyed('k-1', { items: [{ name: 'Tux', quantity: 2 }] }),
      status: 422,
      reason: 'key_reused',
    },
    {
      what: 'a refusal under a key',
      ...keyed('k-2', { name: 'Fox', quantity: 4 }),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: { 'idempotent-replayed': null },
    },
    { what: 'more foxes', ...order({ name: 'Fox', quantity: 9, type: 'sell' }), status: 200 },
    {
      what: 'the refusal stays the answer',
      ...keyed('k-2', { name: 'Fox', quantity: 4 }),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: { 'idempotent-replayed': 'true' },
    },
    { what: 'an unknown product is not remembered', ...keyed('k-3', { name: 'Dodo', quantity: 1 }), status: 404 },
    {
      what: 'its key can be used',
      ...keyed('k-3', { name: 'Tux', quantity: 1 }),
      status: 200,
      answer: { data: { order_number: 2 } },
    },
    {
      what: 'found by its key',
      path: '/orders?key=k-1',
      status: 200,
      answer: { data: { number: 0, name: 'Tux', quantity: 2 } },
    },
    { what: 'trailing slash', path: '/orders/?key=k-1', status: 200 },
    { what: 'a refused order is none', path: '/orders?key=k-2', status: 404, reason: 'unknown_order' },
    {
      what: 'no such key',
      path: '/orders?key=k-9',
      status: 404,
      reason: 'unknown_order',
      message: 'Cannot find an order made under the key "k-9"',
    },
    { what: 'no key', path: '/orders', status: 400, reason: 'missing_field' },
    { what: 'an empty key', path: '/orders?key=', status: 400, reason: 'invalid_key' },
    { what: 'two keys', path: '/orders?key=k-1&key=k-2', status: 400, reason: 'invalid_key' },
    { what: 'a key with a space', ...keyed('k 1', { name: 'Tux', quantity: 1 }), status: 400, reason: 'invalid_key' },
    {
      what: 'a key with other letters',
      ...keyed('k-\u00e9', { name: 'Tux', quantity: 1 }),
      status: 400,
      reason: 'invalid_key',
    },
    { what: 'an empty header', ...keyed('', { name: 'Tux', quantity: 1 }), status: 400, reason: 'invalid_key' },
    {
      what: 'a key of 256 characters',
      ...keyed('k'.repeat(256), { name: 'Tux', quantity: 1 }),
      status: 400,
      reason: 'invalid_key',
    },
    {
      what: 'a key of 255 characters',
      ...keyed('k'.repeat(255), { name: 'Tux', quantity: 1 }),
      status: 200,
      answer: { data: { order_number: 3 } },
    },
  ],

  dialect: [
    {
      what: 'no type of body',
      ...order('{"name":"Tux","quantity":1}', {}),
      status: 200,
      answer: { data: { order_number: 0 } },
    },
    {
      what: 'another name of JSON',
      ...order({ name: 'Tux', quantity: 1 }, { 'content-type': 'text/json; charset=UTF-8' }),
      status: 200,
    },
    {
      what: 'a kind of JSON',
      ...order({ name: 'Tux', quantity: 1 }, { 'content-type': 'application/vnd.api+json' }),
      status: 200,
    },
    { what: 'a form', ...order('name=Tux&quantity=1', FORM_TYPE), status: 200, answer: { data: { order_number: 3 } } },
    { what: 'a typed form', ...order('stock_name=game%73tart&quantity=7&type=sell', FORM_TYPE), status: 200 },
    {
      what: 'is found',
      path: '/orders/4',
      status: 200,
      answer: { data: { number: 4, name: 'GameStart', quantity: 7, type: 'sell' } },
    },
    { what: 'JSON that calls itself a form', ...order('{"name":"Tux","quantity":1}', FORM_TYPE), status: 200 },
    {
      what: 'a form that gives a field twice',
      ...order('name=Tux&name=Fox&quantity=1', FORM_TYPE),
      status: 400,
      reason: 'repeated_field',
    },
    {
      what: 'a form of the prototype',
      ...order('__proto__=Tux&quantity=1', FORM_TYPE),
      status: 400,
      reason: 'missing_field',
    },
    { what: 'an empty form', ...order('', FORM_TYPE), status: 400, reason: 'missing_field' },
    { what: 'stock_name', ...order({ stock_name: 'Tux', quantity: 1 }), status: 200 },
    { what: 'stock_name of an item', ...order({ items: [{ stock_name: 'Tux', quantity: '2' }] }), status: 200 },
    { what: 'a text of digits', ...order({ name: 'Tux', quantity: '1' }), status: 200 },
    {
      what: 'POST of an order without a body',
      method: 'POST',
      path: '/orders/0',
      body: '',
      status: 200,
      answer: { data: { number: 0, name: 'Tux', quantity: 1 } },
    },
    { what: 'POST of no order', method: 'POST', path: '/orders/77', status: 404, reason: 'unknown_order' },
    {
      what: 'POST of an order with a body',
      method: 'POST',
      path: '/orders/0',
      headers: JSON_TYPE,
      body: { name: 'Tux', quantity: 1 },
      status: 405,
      reason: 'wrong_method',
      message: 'Cannot POST a body here: an order is made at "/orders"',
      answerHeaders: { allow: 'GET, HEAD, POST, OPTIONS' },
    },
  ],

  names: [
    {
      what: 'an order id',
      ...order({ name: 'Tux', quantity: 2, orderId: 'A-1' }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: notReplayed,
    },
    {
      what: 'the same order again',
      ...order({ stock_name: 'TUX', quantity: '2', orderId: 'A-1' }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: replayed,
    },
    {
      what: 'another order under the id',
      ...order({ name: 'Tux', quantity: 3, orderId: 'A-1' }),
      status: 409,
      reason: 'duplicate_order',
      message: 'Cannot make the order "A-1" again with another content',
    },
    {
      what: 'for somebody else it is another order',
      ...order({ name: 'Tux', quantity: 2, orderId: 'A-1', customer: 'Jo' }),
      status: 409,
      reason: 'duplicate_order',
    },
    {
      what: 'the id under a key as well: the order was made already',
      ...keyed('k-1', { name: 'Tux', quantity: 2, orderId: 'A-1' }),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: replayed,
    },
    {
      what: 'an id that is a number is that text',
      ...order({ name: 'Tux', quantity: 1, orderId: 9007199254740991 }),
      status: 200,
      answer: { data: { order_number: 1 } },
    },
    {
      what: 'as here',
      ...order({ name: 'Tux', quantity: 1, orderId: '9007199254740991' }),
      status: 200,
      answer: { data: { order_number: 1 } },
      answerHeaders: replayed,
    },
    {
      what: 'a customer, an id and a key in the body',
      ...order({ name: 'Fox', quantity: 1, orderId: 'A-2', customer: 'Jo, 7 Elm Street', idempotencyKey: 'k-2' }),
      status: 200,
      answer: { data: { order_number: 2 } },
      answerHeaders: notReplayed,
    },
    {
      what: 'the same with the key in the header',
      ...keyed('k-2', { name: 'Fox', quantity: 1, orderId: 'A-2', customer: 'Jo, 7 Elm Street' }),
      status: 200,
      answer: { data: { order_number: 2 } },
      answerHeaders: replayed,
    },
    {
      what: 'the same key in both',
      ...keyed('k-2', {
        name: 'Fox',
        quantity: 1,
        orderId: 'A-2',
        customer: 'Jo, 7 Elm Street',
        idempotencyKey: 'k-2',
      }),
      status: 200,
      answerHeaders: replayed,
    },
    {
      what: 'two keys',
      ...keyed('k-2', { name: 'Fox', quantity: 1, idempotencyKey: 'k-3' }),
      status: 400,
      reason: 'invalid_key',
      message: 'Cannot order under the Idempotency-Key "k-2" and "idempotencyKey" "k-3" at once',
    },
    {
      what: "the key belongs to another order, the id is nobody's",
      ...keyed('k-2', { name: 'Fox', quantity: 1, orderId: 'A-3' }),
      status: 422,
      reason: 'key_reused',
      message: 'Cannot use the key "k-2" again: it belongs to another order',
    },
    {
      what: 'the key belongs to another order, the id to this one',
      ...keyed('k-2', { name: 'Tux', quantity: 2, orderId: 'A-1' }),
      status: 422,
      reason: 'key_reused',
    },
    {
      what: 'both belong to other orders',
      ...keyed('k-2', { name: 'Tux', quantity: 7, orderId: 'A-1' }),
      status: 409,
      reason: 'duplicate_order',
    },
    {
      what: 'the key alone is another order',
      ...keyed('k-2', { name: 'Fox', quantity: 1 }),
      status: 422,
      reason: 'key_reused',
    },
    {
      what: 'several items under an id',
      ...order({ items: [{ name: 'Tux', quantity: 1 }], orderId: 'A-4' }),
      status: 200,
      answer: { data: { order_number: 3 } },
    },
    {
      what: 'a typed order under an id',
      ...order({ name: 'GameStart', quantity: 1, type: 'sell', orderId: 'A-5' }),
      status: 200,
      answer: { data: { transaction_number: 4, 'transaction-number': 4 } },
    },
    {
      what: 'a form',
      ...order('name=Tux&quantity=1&orderId=A-6&customer=Jo&idempotencyKey=k-6', FORM_TYPE),
      status: 200,
      answer: { data: { order_number: 5 } },
    },
    {
      what: 'the same as JSON',
      ...keyed('k-6', { name: 'Tux', quantity: 1, orderId: 'A-6', customer: 'Jo' }),
      status: 200,
      answer: { data: { order_number: 5 } },
      answerHeaders: replayed,
    },
    {
      what: 'a refusal under an id',
      ...order({ name: 'Fox', quantity: 3, orderId: 'A-7' }),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: notReplayed,
    },
    { what: 'more foxes', ...order({ name: 'Fox', quantity: 9, type: 'sell' }), status: 200 },
    {
      what: 'the refusal stays the answer',
      ...order({ name: 'Fox', quantity: 3, orderId: 'A-7' }),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: replayed,
    },
    {
      what: 'another order under the refused id',
      ...order({ name: 'Fox', quantity: 1, orderId: 'A-7' }),
      status: 409,
      reason: 'duplicate_order',
    },
    {
      what: 'the same, under a key of another order',
      ...keyed('k-2', { name: 'Fox', quantity: 1, orderId: 'A-7' }),
      status: 409,
      reason: 'duplicate_order',
    },
    {
      what: 'the refused order itself, under a key of another order',
      ...keyed('k-2', { name: 'Fox', quantity: 3, orderId: 'A-7' }),
      status: 422,
      reason: 'key_reused',
      message: 'Cannot use the key "k-2" again: it belongs to another order',
    },
    {
      what: 'found by its number: the id, and never the customer',
      path: '/orders/2',
      status: 200,
      answer: { data: { number: 2, name: 'Fox', quantity: 1, orderId: 'A-2' } },
    },
    {
      what: 'found by its id',
      path: '/orders?orderId=A-2',
      status: 200,
      answer: { data: { number: 2, name: 'Fox', quantity: 1, orderId: 'A-2' } },
    },
    { what: 'found by its key', path: '/orders?key=k-2', status: 200 },
    {
      what: 'a number of 64 bits in a query is a text',
      path: '/orders?orderId=9007199254740991',
      status: 200,
      answer: { data: { number: 1, name: 'Tux', quantity: 1, orderId: '9007199254740991' } },
    },
    { what: 'a refused order is none', path: '/orders?orderId=A-7', status: 404, reason: 'unknown_order' },
    {
      what: 'no such id',
      path: '/orders?orderId=A-9',
      status: 404,
      reason: 'unknown_order',
      message: 'Cannot find an order with the order id "A-9"',
    },
    { what: 'an id is no key', path: '/orders?key=A-2', status: 404, reason: 'unknown_order' },
    { what: 'an empty id', path: '/orders?orderId=', status: 400, reason: 'invalid_order_id' },
    { what: 'a key and an id', path: '/orders?orderId=A-2&key=k-2', status: 400, reason: 'invalid_query' },
    {
      what: 'an id with a space',
      ...order({ name: 'Tux', quantity: 1, orderId: 'A 1' }),
      status: 400,
      reason: 'invalid_order_id',
      message:
        'Cannot use "A 1" as "orderId": it must be 1 to 128 visible ASCII characters, or a whole number below 2^53',
    },
    {
      what: 'an id of 129 characters',
      ...order({ name: 'Tux', quantity: 1, orderId: 'x'.repeat(129) }),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'a number that would lose digits',
      ...order('{"name":"Tux","quantity":1,"orderId":9007199254740993}'),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'a fraction',
      ...order({ name: 'Tux', quantity: 1, orderId: 0.5 }),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'a negative number',
      ...order({ name: 'Tux', quantity: 1, orderId: -1 }),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'no id at all',
      ...order({ name: 'Tux', quantity: 1, orderId: null }),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'a customer without a name',
      ...order({ name: 'Tux', quantity: 1, customer: '' }),
      status: 400,
      reason: 'invalid_customer',
      message: 'Cannot order for this "customer": it must be a text of 1 to 200 characters',
    },
    {
      what: 'a customer that is too long',
      ...order({ name: 'Tux', quantity: 1, customer: 'x'.repeat(201) }),
      status: 400,
      reason: 'invalid_customer',
    },
    {
      what: 'a key that is no text',
      ...order({ name: 'Tux', quantity: 1, idempotencyKey: 7 }),
      status: 400,
      reason: 'invalid_key',
      message: 'Cannot use 7 as "idempotencyKey": it must be 1 to 255 visible ASCII characters',
    },
  ],

  webhooks: [
    {
      what: "an order of Shopify's, with an id of 64 bits",
      ...created(
        '{"id":820982911946154508,"line_items":[{"sku":"tux","quantity":2},{"sku":"Fox","quantity":1,"x":[1.5,null]}]}',
      ),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: notReplayed,
    },
    {
      what: 'its id is there to the last digit',
      path: '/orders?orderId=820982911946154508',
      status: 200,
      answer: {
        data: {
          number: 0,
          items: [
            { name: 'Tux', quantity: 2 },
            { name: 'Fox', quantity: 1 },
          ],
          orderId: '820982911946154508',
        },
      },
    },
    {
      what: 'a neighbour of that id is another order',
      ...created('{"id":820982911946154509,"line_items":[{"sku":"Tux","quantity":1}]}'),
      status: 200,
      answer: { data: { order_number: 1 } },
    },
    {
      what: 'Shopify sends it again, with other things beside it',
      ...created(
        '{"line_items":[{"quantity":2,"sku":"Tux"},{"quantity":1,"sku":"FOX"}],"id":820982911946154508,"note":"x"}',
        { secret: SECRETS[1] },
      ),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: replayed,
    },
    {
      what: 'with another content',
      ...created('{"id":820982911946154508,"line_items":[{"sku":"Tux","quantity":9}]}'),
      status: 409,
      reason: 'duplicate_order',
      message: 'Cannot make the order "820982911946154508" again with another content',
    },
    {
      what: 'the same order at the counter is the same order',
      ...order({ items: [{ name: 'Tux', quantity: 1 }], orderId: '820982911946154509' }),
      status: 200,
      answer: { data: { order_number: 1 } },
      answerHeaders: replayed,
    },
    {
      what: 'a text as an id, the largest of 64 bits',
      ...created(shopifyOrder('18446744073709551615', [['Tux', 1]])),
      status: 200,
      answer: { data: { order_number: 2 } },
    },
    {
      what: 'a type of body as Shopify names it, and a trailing slash',
      ...created(shopifyOrder(7, [['Tux', 1]]), { type: 'application/json; charset=utf-8' }),
      path: '/webhooks/shopify/orders/create/',
      status: 200,
      answer: { data: { order_number: 3 } },
    },
    {
      what: 'not enough',
      ...created(
        shopifyOrder(8, [
          ['Tux', 1],
          ['Fox', 3],
        ]),
      ),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: notReplayed,
    },
    {
      what: 'and so it stays',
      ...created(
        shopifyOrder(8, [
          ['Tux', 1],
          ['Fox', 3],
        ]),
      ),
      status: 400,
      reason: 'out_of_stock',
      answerHeaders: replayed,
    },
    {
      what: 'a product that is not known',
      ...created(shopifyOrder(9, [['Dodo', 1]])),
      status: 404,
      reason: 'unknown_product',
      message: 'Cannot find a product named "Dodo"',
    },
    { what: 'what was left', path: '/products/Tux', status: 200, answer: { data: { ...tux.data, quantity: 95 } } },

    {
      what: 'no signature',
      ...created(shopifyOrder(10, [['Tux', 1]])),
      headers: JSON_TYPE,
      status: 401,
      reason: 'bad_signature',
      message: 'Cannot accept a webhook without a valid X-Shopify-Hmac-Sha256',
    },
    {
      what: 'a signature of another body',
      ...created(shopifyOrder(10, [['Tux', 1]])),
      body: JSON.stringify(shopifyOrder(10, [['Tux', 2]])),
      status: 401,
      reason: 'bad_signature',
    },
    {
      what: 'a signature with another secret',
      ...created(shopifyOrder(10, [['Tux', 1]]), { secret: 'a guess' }),
      status: 401,
      reason: 'bad_signature',
    },
    {
      what: 'half a signature',
      ...created(shopifyOrder(10, [['Tux', 1]])),
      headers: { ...JSON_TYPE, 'x-shopify-hmac-sha256': signatureOf('').slice(0, 22) },
      status: 401,
      reason: 'bad_signature',
    },
    {
      what: 'the signature comes before what is wrong with the body',
      ...created('{', { secret: 'a guess', type: 'text/plain' }),
      status: 401,
      reason: 'bad_signature',
    },
    {
      what: 'a cancellation has to be signed too',
      ...cancelled({ id: 7 }, { secret: 'a guess' }),
      status: 401,
      reason: 'bad_signature',
    },
    {
      what: 'another type of body',
      ...created(shopifyOrder(10, [['Tux', 1]]), { type: 'application/x-www-form-urlencoded' }),
      status: 415,
      reason: 'unsupported_type',
    },
    {
      what: 'no JSON: nothing of it is said',
      ...created('{"id":1,"email":"jon@example.com"'),
      status: 400,
      reason: 'malformed_json',
      message: 'Cannot read the body as JSON',
    },
    { what: 'nothing', ...created(''), status: 400, reason: 'malformed_json' },
    { what: 'two ids', ...created('{"id":1,"id":2,"line_items":[]}'), status: 400, reason: 'malformed_json' },
    { what: 'a list', ...created('[1]'), status: 400, reason: 'invalid_body' },
    {
      what: 'no id',
      ...created({ line_items: [{ sku: 'Tux', quantity: 1 }] }),
      status: 400,
      reason: 'missing_field',
      message: 'Cannot order without "id"',
    },
    { what: 'a fraction', ...created('{"id":1.5,"line_items":[]}'), status: 400, reason: 'invalid_order_id' },
    { what: 'an exponent', ...created('{"id":1e3,"line_items":[{"sku":"Dodo","quantity":1}]}'), status: 404 },
    {
      what: 'a number of 21 digits',
      ...created('{"id":100000000000000000000,"line_items":[]}'),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'an id that is a word',
      ...created({ id: 'A-1', line_items: [] }),
      status: 400,
      reason: 'invalid_order_id',
    },
    {
      what: 'no lines',
      ...created({ id: 10 }),
      status: 400,
      reason: 'missing_field',
      message: 'Cannot order without "line_items"',
    },
    { what: 'an empty list of lines', ...created({ id: 10, line_items: [] }), status: 400, reason: 'invalid_items' },
    {
      what: 'too many lines',
      ...created(
        shopifyOrder(
          10,
          Array.from({ length: 101 }, () => ['Tux', 1] as [string, number]),
        ),
      ),
      status: 400,
      reason: 'invalid_items',
    },
    {
      what: 'a line that is no object',
      ...created({ id: 10, line_items: ['Tux'] }),
      status: 400,
      reason: 'invalid_items',
    },
    ...[{}, { sku: null }, { sku: '' }].map((sku) => ({
      what: 'a line without a sku',
      ...created({ id: 10, line_items: [{ ...sku, quantity: 1, title: 'Tux' }] }),
      status: 400,
      reason: 'missing_field',
      message: 'Cannot order without "line_items[0].sku"',
    })),
    {
      what: 'a line without a quantity',
      ...created({ id: 10, line_items: [{ sku: 'Tux' }] }),
      status: 400,
      reason: 'missing_field',
    },
    {
      what: 'a quantity of zero',
      ...created(shopifyOrder(10, [['Tux', 0]])),
      status: 400,
      reason: 'invalid_quantity',
      message: 'Cannot order "line_items[0].quantity": it must be a whole number from 1 to 1000000',
    },
    {
      what: 'a quantity beyond numbers',
      ...created('{"id":10,"line_items":[{"sku":"Tux","quantity":9007199254740993}]}'),
      status: 400,
      reason: 'invalid_quantity',
    },
    {
      what: 'a sku that is too long',
      ...created(shopifyOrder(10, [['x'.repeat(201), 1]])),
      status: 400,
      reason: 'invalid_name',
    },
    { what: 'nothing of it left an order', path: '/orders?orderId=10', status: 404, reason: 'unknown_order' },
    {
      what: 'an order that is longer than any of ours',
      ...created({ ...shopifyOrder(11, [['Tux', 1]]), note: 'x'.repeat(200_000) }),
      status: 200,
    },
    {
      what: 'one that is too long',
      ...created({ ...shopifyOrder(12, [['Tux', 1]]), note: 'x'.repeat(1024 * 1024) }),
      status: 413,
      reason: 'body_too_large',
    },
    {
      what: 'a wrong method',
      path: '/webhooks/shopify/orders/create',
      status: 405,
      reason: 'wrong_method',
      answerHeaders: { allow: 'POST, OPTIONS' },
    },
    { what: 'another topic', ...webhook('updated', { id: 7 }), status: 404, reason: 'unknown_route' },
  ],

  cancellations: [
    {
      what: 'an order that was not made yet: it comes again later',
      ...cancelled({ id: 450789469 }),
      status: 404,
      reason: 'unknown_order',
      message: 'Cannot find an order with the order id "450789469"',
    },
    {
      what: 'the order',
      ...created(
        shopifyOrder(450789469, [
          ['Tux', 2],
          ['Fox', 3],
        ]),
      ),
      status: 200,
      answer: { data: { order_number: 0 } },
    },
    {
      what: 'what does not say that it is cancelled, though it is signed: its address is not',
      ...webhook('cancelled', {
        ...shopifyOrder(450789469, [
          ['Tux', 2],
          ['Fox', 3],
        ]),
        cancelled_at: null,
      }),
      status: 400,
      reason: 'not_cancelled',
      message: 'Cannot cancel this order: its "cancelled_at" does not say when it was cancelled',
    },
    ...[undefined, '', 0, true, {}].map((cancelled_at) => ({
      what: `the same with ${JSON.stringify(cancelled_at)}`,
      ...webhook('cancelled', { id: 450789469, cancelled_at }),
      status: 400,
      reason: 'not_cancelled',
    })),
    {
      what: 'the cancellation',
      ...cancelled(shopifyOrder(450789469, [['Tux', 2]])),
      status: 200,
      answer: { data: { cancelled: true, order_number: 0 } },
      answerHeaders: notReplayed,
    },
    {
      what: 'the same again',
      ...cancelled({ id: '450789469' }),
      status: 200,
      answer: { data: { cancelled: true, order_number: 0 } },
      answerHeaders: replayed,
    },
    { what: 'all of it is back', path: '/products/Tux', status: 200, answer: tux },
    {
      what: 'and the foxes',
      path: '/products/Fox',
      status: 200,
      answer: { data: { name: 'Fox', price: 20, quantity: 3 } },
    },
    {
      what: 'the order says so',
      path: '/orders/0',
      status: 200,
      answer: {
        data: {
          number: 0,
          items: [
            { name: 'Tux', quantity: 2 },
            { name: 'Fox', quantity: 3 },
          ],
          orderId: '450789469',
          cancelled: true,
        },
      },
    },
    {
      what: 'the order itself is still what it was',
      ...created(
        shopifyOrder(450789469, [
          ['Tux', 2],
          ['Fox', 3],
        ]),
      ),
      status: 200,
      answer: { data: { order_number: 0 } },
      answerHeaders: replayed,
    },
    { what: 'an order of the counter', ...order({ name: 'Fox', quantity: 1, orderId: 5 }), status: 200 },
    {
      what: 'can be cancelled too',
      ...cancelled({ id: 5 }),
      status: 200,
      answer: { data: { cancelled: true, order_number: 1 } },
    },
    { what: 'an order that was refused', ...order({ name: 'Fox', quantity: 4, orderId: 6 }), status: 400 },
    {
      what: 'took nothing',
      ...cancelled({ id: 6 }),
      status: 200,
      answer: { data: { cancelled: false } },
      answerHeaders: notReplayed,
    },
    { what: 'a sale', ...order({ name: 'Fox', quantity: 2, type: 'sell', orderId: 7 }), status: 200 },
    { what: 'of which one is gone', ...order({ name: 'Fox', quantity: 4 }), status: 200 },
    {
      what: 'cannot be taken back',
      ...cancelled({ id: 7 }),
      status: 409,
      reason: 'cannot_cancel',
    },
    { what: 'no id', ...cancelled({}), status: 400, reason: 'missing_field' },
  ],

  movements: [
    { what: 'an order', ...keyed('k-1', { name: 'Tux', quantity: 2 }), status: 200 },
    { what: 'another', ...order({ name: 'fox', quantity: 3, orderId: '7' }), status: 200 },
    { what: 'which is cancelled', ...cancelled({ id: 7 }), status: 200 },
    {
      what: 'what became of one product',
      path: '/movements?product=tUX&after=0',
      status: 200,
      answer: {
        data: [
          {
            sequence: 1,
            term: 0,
            time: 0,
            product: 'Tux',
            change: 100,
            before: 0,
            after: 100,
            cause: { kind: 'seed' },
            key: null,
          },
          {
            sequence: 2,
            term: 0,
            time: 0,
            product: 'Tux',
            change: -2,
            before: 100,
            after: 98,
            cause: { kind: 'order', order_number: 0 },
            key: 'k-1',
          },
        ],
        next: null,
      },
    },
    {
      what: 'of all of them, from somewhere on',
      path: '/movements/?after=2&limit=1',
      status: 200,
      answer: {
        data: [
          {
            sequence: 3,
            term: 0,
            time: 0,
            product: 'Fox',
            change: -3,
            before: 3,
            after: 0,
            cause: { kind: 'order', order_number: 1 },
            key: 'order 7',
          },
        ],
        next: 3,
      },
    },
    {
      what: 'and on',
      path: '/movements?after=3&limit=1',
      status: 200,
      answer: {
        data: [
          {
            sequence: 4,
            term: 0,
            time: 0,
            product: 'Fox',
            change: 3,
            before: 0,
            after: 3,
            cause: { kind: 'cancel', order_number: 1 },
            key: 'cancel 7',
          },
        ],
        next: null,
      },
    },
    { what: 'to the end', path: '/movements?after=4', status: 200, answer: { data: [], next: null } },
    { what: 'and beyond', path: '/movements?after=9007199254740991', status: 400, reason: 'invalid_query' },
    { what: 'far beyond', path: '/movements?after=999999999999999', status: 200, answer: { data: [], next: null } },
    {
      what: 'of no product',
      path: '/movements?product=Dodo',
      status: 404,
      reason: 'unknown_product',
      message: 'Cannot find a product named "Dodo"',
    },
    { what: 'of no name', path: '/movements?product=', status: 404, reason: 'unknown_product' },
    { what: 'of a name of any length', path: `/movements?product=${'x'.repeat(500)}`, status: 404 },
    {
      what: 'after nothing',
      path: '/movements?after=x',
      status: 400,
      reason: 'invalid_query',
      message: 'Cannot use "x" as "after": it must be a whole number from 0 to 999999999999999',
    },
    { what: 'none of them', path: '/movements?limit=0', status: 400, reason: 'invalid_query' },
    { what: 'too many of them', path: '/movements?limit=1001', status: 400, reason: 'invalid_query' },
  ],

  outbox: [
    { what: 'an order', ...order({ name: 'Tux', quantity: 2 }), status: 200 },
    {
      what: 'how far others have been told',
      path: '/outbox',
      status: 200,
      answer: {
        data: {
          sinks: [
            {
              sink: 'webhook-0a1b2c3d',
              delivered: 2,
              lag: 0,
              dead: [{ sequence: 2, attempts: 60, error: 'it answered 503' }],
              again: [],
              trying: [],
              pausedMs: 0,
            },
            { sink: 'shopify', delivered: 1, lag: 1, dead: [], again: [], trying: [], pausedMs: 0 },
          ],
        },
      },
    },
    {
      what: 'an event',
      path: '/outbox/2',
      status: 200,
      answer: {
        data: {
          event: { specversion: '1.0', id: 'store/2' },
          sinks: [
            { sink: 'webhook-0a1b2c3d', state: 'dead', attempts: 60, error: 'it answered 503' },
            { sink: 'shopify', state: 'delivered', attempts: 0, error: null },
          ],
        },
      },
    },
    {
      what: 'no event',
      path: '/outbox/1',
      status: 404,
      reason: 'unknown_event',
      message: 'Cannot find an event 1',
    },
    { what: 'no number', path: '/outbox/one', status: 404, reason: 'unknown_event' },
    {
      what: 'a dead letter again',
      method: 'POST',
      path: '/outbox/2/replay',
      status: 200,
      answer: { data: { sinks: ['webhook-0a1b2c3d'] } },
    },
    {
      what: 'to one of them',
      method: 'POST',
      path: '/outbox/2/replay?sink=webhook-0a1b2c3d',
      status: 200,
      answer: { data: { sinks: ['webhook-0a1b2c3d'] } },
    },
    {
      what: 'to one where it is none',
      method: 'POST',
      path: '/outbox/2/replay?sink=shopify',
      status: 409,
      reason: 'not_a_dead_letter',
      message: 'Cannot send 2 again: it is no dead letter of the sink "shopify"',
    },
    {
      what: 'what is no dead letter',
      method: 'POST',
      path: '/outbox/3/replay',
      status: 409,
      reason: 'not_a_dead_letter',
      message: 'Cannot send 3 again: it is no dead letter of any sink',
    },
    { what: 'what is no number', method: 'POST', path: '/outbox/x/replay', status: 404, reason: 'unknown_event' },
    {
      what: 'a wrong method',
      path: '/outbox/2/replay',
      status: 405,
      reason: 'wrong_method',
      answerHeaders: { allow: 'POST, OPTIONS' },
    },
  ],

  // What is checked, and how it is answered, has tests of its own: src/checkout.
  checkout: [
    { what: 'a checkout', ...checkout({}, { ...JSON_TYPE, 'idempotency-key': 'k-1' }), status: 200 },
    {
      what: 'the same again',
      ...checkout({}, { ...JSON_TYPE, 'idempotency-key': 'k-1' }),
      status: 200,
      answerHeaders: replayed,
    },
    {
      what: 'another one under the key',
      ...checkout({ items: [{ name: 'Fox', quantity: 1 }] }, { ...JSON_TYPE, 'idempotency-key': 'k-1' }),
      status: 422,
      reason: 'key_reused',
    },
    {
      what: 'an order under the key',
      ...keyed('k-1', { name: 'Tux', quantity: 2 }),
      status: 422,
      reason: 'key_reused',
    },
    { what: 'a key in the body', ...checkout({ idempotencyKey: 'k-2' }), status: 200, answerHeaders: notReplayed },
    { what: 'again', ...checkout({ idempotencyKey: 'k-2' }), status: 200, answerHeaders: replayed },
    {
      what: 'the same in the header',
      ...checkout({}, { ...JSON_TYPE, 'idempotency-key': 'k-2' }),
      status: 200,
      answerHeaders: replayed,
    },
    {
      what: 'one in the header and another in the body',
      ...checkout({ idempotencyKey: 'k-2' }, { ...JSON_TYPE, 'idempotency-key': 'k-1' }),
      status: 400,
      reason: 'invalid_key',
    },
    ...[7, '', 'two words', null, { number: '4539578763621486' }].map((idempotencyKey) => ({
      what: 'a key in the body that is none: nothing of it is said',
      ...checkout({ idempotencyKey }),
      status: 400,
      reason: 'invalid_key',
      message:
        'Cannot check out under this key: it must be 1 to 255 visible ASCII characters, the same in header and body',
    })),
    { what: 'a rejected one', ...checkout({ termsAccepted: false }), status: 200, answerHeaders: notReplayed },
    { what: 'one that cannot be read', ...checkout({ user: 7 }), status: 400, reason: 'invalid_checkout' },
    { what: 'no JSON', ...checkout(), body: '{', status: 400, reason: 'malformed_json' },
    { what: 'nothing is sold before it is executed', path: '/products/Tux', status: 200, answer: tux },
    { what: 'no such checkout', path: '/checkout/k-1', status: 404, reason: 'unknown_checkout' },
    {
      what: 'a wrong method',
      path: '/checkout',
      status: 405,
      reason: 'wrong_method',
      answerHeaders: { allow: 'POST, OPTIONS' },
    },
  ],
};
