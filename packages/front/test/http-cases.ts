/**
 * What the front answers to one request at a time, as data. The cases of a group run in order on one shop; the shop
 * starts with the products of memory-shop.ts. They can be run against the router alone or against a server.
 */

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
};
