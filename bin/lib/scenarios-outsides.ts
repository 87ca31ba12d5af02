/** Scenarios in which the programs that Till works with are down: the warehouse, and the shop itself. */
import { until } from '../../test/system/until.ts';
import type { Scenario, ShopOrder, Stage } from './scenarios-stage.ts';

const DOWN = { status: 503, reason: 'warehouse_down' };

const warehouseDown: Scenario = {
  name: 'warehouse-down',
  title: 'The warehouse is down, is left alone for a while, and is back',
  async play({ tell, newOrder, places, webhook, effect, questions, wait, warehouse }) {
    const known = newOrder({ sku: 'Fox', quantity: 1 });
    let number = 0;
    tell('The warehouse still answers.');
    await questions(['Fox'], () =>
      effect({ Fox: -1 }, async () => {
        number = await places(known);
      }),
    );
    tell('Now it answers every question with an error. It is asked once, and three times more.');
    warehouse.faults.always({ status: 500 });
    const order = newOrder({ sku: 'Tux', quantity: 1 });
    await questions(Array(4).fill('Tux'), () => effect({ Tux: 0 }, () => webhook('create', { order, expected: DOWN })));
    tell('That is remembered: the next orders fail at once, and the warehouse is left alone.');
    const next = newOrder({ sku: 'Lego', quantity: 1 });
    await questions([], () => webhook('create', { order: next, expected: DOWN }));
    tell('An order that was decided before is answered as it was then.');
    const replay = { status: 200, data: { order_number: number }, isReplay: true };
    await questions([], () => effect({ Fox: 0 }, () => webhook('create', { order: known, expected: replay })));
    tell('It is back, but nobody knows yet.');
    warehouse.faults.clear();
    let retryAfterMs = 0;
    await questions([], async () => {
      ({ retryAfterMs } = await webhook('create', { order, expected: DOWN }));
    });
    await wait(retryAfterMs, 'so the answer asked, in Retry-After');
    tell('Shopify sends it again: one question finds out, and the order is made.');
    await questions(['Tux'], () => effect({ Tux: -1 }, () => places(order)));
    tell('From then on all is as before.');
    await questions(['Lego'], () => effect({ Lego: -1 }, () => places(next)));
  },
};

const shopDown: Scenario = {
  name: 'shopify-down',
  title: 'The shop is down: orders go on, what it must be told waits, and comes in order',
  async play(stage) {
    const { tell, newOrder, places, check, shopify, levels, settled } = stage;
    await settled();
    const callsBefore = shopify.calls().length;
    const own = await quantitiesOf(stage, ['Fox', 'Whale']);
    tell('The side of the shop that is told our stock answers with errors. Orders do not wait for it.');
    shopify.faults.always({ status: 503 });
    const orders = [
      newOrder({ sku: 'Fox', quantity: 1 }),
      newOrder({ sku: 'Whale', quantity: 1 }),
      newOrder({ sku: 'Fox', quantity: 2 }),
      newOrder({ sku: 'Fox', quantity: 3 }),
    ];
    for (const order of orders) await places(order);
    await until('an attempt to tell the shop', () => isTrying(stage));
    check('outbox', {
      expected: 'pending, pending, pending, pending',
      came: (await statesOf(stage, orders)).join(', '),
    });
    tell('It is back.');
    shopify.faults.clear();
    await settled();
    check('outbox', {
      expected: 'delivered, delivered, delivered, delivered',
      came: (await statesOf(stage, orders)).join(', '),
    });
    const toldOf = (name: string): string =>
      shopify
        .calls()
        .slice(callsBefore)
        .flatMap(({ changes }) => changes.filter(({ sku }) => sku === name))
        .map(({ sku, quantity }) => `${sku} = ${quantity}`)
        .join(', then ');
    const [fox = 0, whale = 0] = own;
    check('Shopify', {
      expected: `Fox = ${fox - 1}, then Fox = ${fox - 3}, then Fox = ${fox - 6}`,
      came: toldOf('Fox'),
    });
    check('Shopify', { expected: `Whale = ${whale - 1}`, came: toldOf('Whale') });
    await levels();
  },
};

const answerLost: Scenario = {
  name: 'shopify-answer-lost',
  title: 'The shop does what it is told, and its answer is lost: it is told again, and does nothing twice',
  async play({ tell, newOrder, places, check, shopify, levels, settled }) {
    await settled();
    const callsBefore = shopify.calls().length;
    tell('The next change is carried out by the shop, and then the connection breaks.');
    shopify.onlyMutations(true);
    shopify.faults.next(1, { drop: true, afterEffect: true });
    await places(newOrder({ sku: 'Python', quantity: 1 }));
    await settled();
    shopify.onlyMutations(false);
    const [first, second, ...more] = shopify.calls().slice(callsBefore);
    check('key', { expected: first?.key ?? 'a key', came: second?.key ?? 'no second attempt' });
    check('repeat', { expected: 'false, true', came: [first, second, ...more].map((one) => one?.isRepeat).join(', ') });
    await levels();
  },
};

const quantitiesOf = ({ till }: Stage, names: string[]): Promise<number[]> =>
  Promise.all(names.map((name) => till.shop.quantityOf(name)));

const isTrying = async ({ till }: Stage): Promise<boolean> => {
  const { body } = await till.shop.get('/outbox');
  const { sinks = [] } = (body.data ?? {}) as { sinks?: { trying: { attempts: number }[] }[] };
  return sinks.some(({ trying }) => trying.some(({ attempts }) => attempts > 0));
};

/** How the event of each order stands. */
const statesOf = async ({ till }: Stage, orders: ShopOrder[]): Promise<string[]> => {
  const changes: { sequence: number; key: string | null }[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const { body } = await till.shop.get(`/movements?after=${after}&limit=1000`);
    const { data, next } = body as unknown as { data: typeof changes; next: number | null };
    changes.push(...data);
    after = next;
  }
  return Promise.all(
    orders.map(async ({ id }) => {
      const sequence = changes.find(({ key }) => key === `order ${id}`)?.sequence;
      const { body } = await till.shop.get(`/outbox/${sequence}`);
      const { sinks = [] } = (body.data ?? {}) as { sinks?: { state: string }[] };
      return sinks.map(({ state }) => state).join(' and ');
    }),
  );
};

export const outsideScenarios: Scenario[] = [warehouseDown, shopDown, answerLost];
