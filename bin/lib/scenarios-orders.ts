/** Scenarios of orders that come from a Shopify shop. */
import type { Line, Scenario } from './scenarios-stage.ts';

const line = (sku: string, quantity = 1): Line => ({ sku, quantity });

/** What an order does to the stock. */
const taken = (lines: Line[]): Record<string, number> =>
  Object.fromEntries(lines.map(({ sku, quantity }) => [sku, -quantity]));
const givenBack = (lines: Line[]): Record<string, number> =>
  Object.fromEntries(lines.map(({ sku, quantity }) => [sku, quantity]));
const untouched = (lines: Line[]): Record<string, number> => Object.fromEntries(lines.map(({ sku }) => [sku, 0]));

const bought = (name: string, title: string, lines: Line[]): Scenario => ({
  name,
  title,
  async play({ tell, newOrder, places, effect, questions }) {
    const names = lines.map(({ sku }) => sku);
    tell(`A customer buys ${names.join(', ')}. The warehouse has it; the stock goes down, and the shop is told so.`);
    const order = newOrder(...lines);
    await questions(names, () => effect(taken(lines), () => places(order)));
  },
});

const repeatedOrder: Scenario = {
  name: 'repeated-order',
  title: 'The same order id again, with the same content and with another',
  async play({ tell, newOrder, places, webhook, post, effect }) {
    const lines = [line('Fox', 2), line('Lego')];
    const order = newOrder(...lines);
    tell('An order arrives.');
    let number = 0;
    await effect(taken(lines), async () => {
      number = await places(order);
    });
    const first = { status: 200, data: { order_number: number }, isReplay: true };
    tell('Shopify did not hear the answer, and sends it again: the first answer again, nothing is taken twice.');
    await effect(untouched(lines), () => webhook('create', { order, expected: first }));
    tell('The same order by another way, with the same order id: still the same one.');
    const items = lines.map(({ sku, quantity }) => ({ name: sku, quantity }));
    await effect(untouched(lines), () => post('/orders', { orderId: order.id, items }, first));
    tell('The same order id with other lines is a mistake of somebody: refused.');
    const other = { ...order, lines: [line('Fox', 3)] };
    const expected = { status: 409, reason: 'duplicate_order' };
    await effect(untouched(lines), () => webhook('create', { order: other, expected }));
  },
};

const unknownProduct: Scenario = {
  name: 'unknown-product',
  title: 'A product that nobody knows',
  async play({ tell, newOrder, webhook, questions, get }) {
    tell('There is no Unicorn in the catalogue. The warehouse need not be asked.');
    const order = newOrder(line('Unicorn'));
    const expected = { status: 404, reason: 'unknown_product' };
    await questions([], () => webhook('create', { order, expected }));
    tell('A Twister is in the catalogue, but the warehouse never heard of it.');
    const other = newOrder(line('Twister'));
    await questions(['Twister'], () => webhook('create', { order: other, expected }));
    tell('Nothing was recorded of either.');
    for (const { id } of [order, other]) await get(`/orders?orderId=${id}`, { status: 404, reason: 'unknown_order' });
  },
};

/** Orders of which one line is good and one is not. */
const halfGood = (scenario: Omit<Scenario, 'play'> & { text: string; bad: Line; reason: string }): Scenario => {
  const { name, title, text, bad, reason } = scenario;
  const status = reason === 'unknown_product' ? 404 : 400;
  return {
    name,
    title,
    async play({ tell, newOrder, webhook, effect }) {
      const good = line('Whale', 2);
      tell(text);
      const order = newOrder(good, bad);
      const isKnown = reason !== 'unknown_product';
      const effects = untouched(isKnown ? [good, bad] : [good]);
      await effect(effects, () => webhook('create', { order, expected: { status, reason } }));
      tell(isKnown ? 'Sent again, it is refused again: that was the answer.' : 'Sent again, it is unknown again.');
      await effect(effects, () => webhook('create', { order, expected: { status, reason, isReplay: isKnown } }));
    },
  };
};

const cancelled: Scenario = {
  name: 'cancelled',
  title: 'A cancelled order gives the stock back, once',
  async play({ tell, newOrder, places, webhook, effect, get }) {
    const lines = [line('Chess', 2), line('Clue')];
    const order = newOrder(...lines);
    let number = 0;
    tell('An order arrives.');
    await effect(taken(lines), async () => {
      number = await places(order);
    });
    const data = { cancelled: true, order_number: number };
    tell('The customer cancels it.');
    await effect(givenBack(lines), () => webhook('cancelled', { order, expected: { status: 200, data } }));
    tell('The cancellation comes twice: the same answer, and nothing is given back again.');
    const again = { status: 200, data, isReplay: true };
    await effect(untouched(lines), () => webhook('cancelled', { order, expected: again }));
    tell('The order is still there, as a cancelled one.');
    const items = lines.map(({ sku, quantity }) => ({ name: sku, quantity }));
    const shown = { number, items, orderId: order.id, cancelled: true };
    await get(`/orders?orderId=${order.id}`, { status: 200, data: shown });
    tell('What cancels an order must say so itself: a signed order at the other address does not.');
    const next = newOrder(...lines);
    await effect(taken(lines), () => places(next));
    const wrong = { status: 400, reason: 'not_cancelled' };
    await effect(untouched(lines), () => webhook('cancelled', { order: next, body: 'create', expected: wrong }));
    tell('A cancellation of an order that is not there, perhaps not yet: Shopify sends it again later.');
    const early = newOrder(line('Chess'));
    const unknown = { status: 404, reason: 'unknown_order' };
    await effect(untouched(lines), () => webhook('cancelled', { order: early, expected: unknown }));
  },
};

const badSignature: Scenario = {
  name: 'bad-signature',
  title: "Webhooks that are not Shopify's are refused, both secrets count",
  async play({ tell, newOrder, places, webhook, effect }) {
    const lines = [line('Python')];
    const order = newOrder(...lines);
    const expected = { status: 401, reason: 'bad_signature' };
    for (const [signing, text] of [
      ['foreign', 'Somebody who does not know a secret says that there is an order.'],
      ['altered', 'Somebody has changed the quantity on the way.'],
      ['none', 'There is no signature at all.'],
    ] as const) {
      tell(text);
      await effect(untouched(lines), () => webhook('create', { order, expected, signing }));
    }
    tell('Nor is anything cancelled like this.');
    await webhook('cancelled', { order, expected, signing: 'foreign' });
    tell('The secret is being replaced: what is signed with the older one is still taken.');
    await effect(taken(lines), () => places(order, 'older'));
  },
};

export const orderScenarios: Scenario[] = [
  bought('one-product', 'One product, once', [line('Tux')]),
  bought('three-products', 'Three products in one order', [line('Tux', 2), line('Whale'), line('Fox', 3)]),
  bought('five-products', 'Five products in one order', [
    line('Tux'),
    line('Whale', 4),
    line('Fox'),
    line('Python', 2),
    line('Lego', 5),
  ]),
  repeatedOrder,
  unknownProduct,
  halfGood({
    name: 'one-of-two-unknown',
    title: 'One of two products is unknown: nothing is taken',
    text: 'The Whale is there, the Unicorn is not in the catalogue: all or nothing.',
    bad: line('Unicorn'),
    reason: 'unknown_product',
  }),
  halfGood({
    name: 'one-of-two-short',
    title: 'One of two products is short: nothing is taken',
    text: 'The Whale is there, and of Uno there are only three: all or nothing.',
    bad: line('Uno', 4),
    reason: 'out_of_stock',
  }),
  halfGood({
    name: 'one-of-two-short-in-the-warehouse',
    title: 'One of two products is short in the warehouse: nothing is taken',
    text: 'We have Frisbees on our list, but the warehouse says that it has only two: all or nothing.',
    bad: line('Frisbee', 3),
    reason: 'out_of_stock',
  }),
  cancelled,
  badSignature,
];
