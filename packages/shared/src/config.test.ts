import { readFile } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ConfigError,
  catalogUrl,
  describeSettings,
  type Environment,
  frontUrl,
  orderPort,
  orderUrl,
  readConfig,
  replicaIds,
} from './config.ts';

const problemsOf = (environment: Environment): readonly string[] => {
  try {
    readConfig(environment);
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
};

test('without settings the defaults hold, and they are frozen', () => {
  const config = readConfig({});
  assert.equal(config, {
    portBase: 8080,
    host: '127.0.0.1',
    dataDir: 'data',
    replicas: 3,
    seed: 'data/seed.json',
    cacheSize: 10,
    restockEveryMs: 10_000,
    restockLevel: 100,
    minInSync: 1,
    runtime: 'node',
    suspectAfterMs: 500,
    requestWaitMs: 4000,
    shopifySecrets: [],
    shopifyUrl: null,
    shopifyToken: null,
    webhookUrls: [],
    webhookSecret: null,
    outboxAttempts: 60,
    wmsUrl: null,
    wmsHoldMs: 60_000,
    checkVerificationUrl: null,
    checkFraudUrl: null,
    suggestionsUrl: null,
    checkWaitMs: 2000,
    rotateLeader: false,
    logOrders: false,
    chaos: false,
    chaosOn: [],
    chaosLatencyMs: 0,
    chaosLatencyEvery: 1,
    chaosCrashEvery: 0,
    chaosCrashAt: 'before_store',
    chaosNoFsync: false,
    logLevel: 'info',
    replicaId: null,
  });
  assert.ok(Object.isFrozen(config));
});

test('lists, addresses and switches are read', () => {
  const config = readConfig({
    SHOPIFY_SECRETS: 'old, new',
    WMS_URL: 'http://127.0.0.1:9000/wms/',
    WEBHOOK_URLS: 'http://one.example/a?b=c,https://two.example',
    WEBHOOK_SECRET: 's',
    CHAOS: '1',
    CHAOS_ON: 'order-3,catalog',
    CHAOS_LATENCY_MS: '3000',
    ROTATE_LEADER: '1',
  });
  assert.equal(config.shopifySecrets, ['old', 'new']);
  assert.is(config.wmsUrl, 'http://127.0.0.1:9000/wms');
  assert.equal(config.webhookUrls, ['http://one.example/a?b=c', 'https://two.example']);
  assert.equal(config.chaosOn, ['order-3', 'catalog']);
  assert.ok(config.chaos);
  assert.ok(config.rotateLeader);
});

test('a secret that is wrong is named, not shown', () => {
  const problems = problemsOf({ SHOPIFY_SECRETS: 'a,b,hush', SHOPIFY_TOKEN: 'hush hush' });
  assert.is(problems.length, 2);
  for (const problem of problems) assert.not.match(problem, 'hush');
});

test('an address that is wrong is named, not shown: a password or a token may be in it', () => {
  const problems = problemsOf({
    WEBHOOK_SECRET: 's',
    WEBHOOK_URLS: 'https://hooks.example/hush,ftp://x',
    WMS_URL: 'htps://user:hush@warehouse.example',
    SHOPIFY_URL: 'https://user:hush@shop.example/#x',
    SHOPIFY_TOKEN: 't',
    CHECK_VERIFICATION_URL: 'hush',
    CHECK_FRAUD_URL: 'https://user:hush%zz@fraud.example',
    SUGGESTIONS_URL: 'https://hush%zz:x@books.example',
  });
  assert.is(problems.length, 6);
  for (const problem of problems) assert.not.match(problem, 'hush');
});

test('a password with an encoded sign is one', () => {
  const url = 'https://user:a%25b@warehouse.example/hush';
  assert.is(readConfig({ WMS_URL: url }).wmsUrl, url);
});

test('what needs another setting says which', () => {
  assert.equal(
    problemsOf({
      SHOPIFY_URL: 'http://shop.example',
      WEBHOOK_URLS: 'http://one.example',
      CHAOS_LATENCY_MS: '5',
      CHAOS_CRASH_EVERY: '5',
      CHAOS_NO_FSYNC: '1',
    }),
    [
      'SHOPIFY_URL: needs SHOPIFY_TOKEN, which is not given',
      'WEBHOOK_URLS: needs WEBHOOK_SECRET, which is not given',
      'CHAOS_LATENCY_MS: needs CHAOS=1, which is not given',
      'CHAOS_CRASH_EVERY: needs CHAOS=1, which is not given',
      'CHAOS_NO_FSYNC: needs CHAOS=1, which is not given',
    ],
  );
  assert.equal(problemsOf({ WMS_URL: 'warehouse', CHAOS: 'yes', CHAOS_ON: 'order-9' }), [
    'WMS_URL: its value is not an http or https address',
    'CHAOS: "yes" is not one of 0, 1',
    'CHAOS_ON: "order-9" is not names of services (front, catalog, order-1 and so on), with commas between them',
  ]);
});

test('what is set is read, what is empty is not set', () => {
  const config = readConfig({
    PORT_BASE: '9000',
    CACHE_SIZE: '0',
    RUNTIME: 'bun',
    REPLICA_ID: '2',
    HOST: '',
    OTHER: 'x',
  });
  assert.is(config.portBase, 9000);
  assert.is(config.cacheSize, 0);
  assert.is(config.runtime, 'bun');
  assert.is(config.replicaId, 2);
  assert.is(config.host, '127.0.0.1');
});

test('all problems are told at once, with the value and what is allowed', () => {
  const problems = problemsOf({
    PORT_BASE: '80a',
    REPLICAS: '8',
    RUNTIME: 'python',
    CACHE_SIZE: '-1',
    LOG_LEVEL: 'info',
  });
  assert.equal(problems, [
    'PORT_BASE: "80a" is not a whole number from 1 to 65518',
    'REPLICAS: "8" is not a whole number from 1 to 7',
    'CACHE_SIZE: "-1" is not a whole number from 0 to 1000000',
    'RUNTIME: "python" is not one of node, bun, deno',
  ]);
  assert.match(new ConfigError(problems).message, problems.join('\n  '));
});

test('numbers are whole, plain and in range', () => {
  for (const text of ['0', '65519', '1e3', '0x10', ' 80', '8.5', 'Infinity', '１２'])
    assert.is(problemsOf({ PORT_BASE: text }).length, 1, text);
  assert.equal(problemsOf({ PORT_BASE: '65518' }), []);
});

test('settings that depend on each other are checked together', () => {
  assert.equal(problemsOf({ REPLICAS: '2', MIN_IN_SYNC: '3', REPLICA_ID: '3' }), [
    'MIN_IN_SYNC: "3" is more than REPLICAS, "2"',
    'REPLICA_ID: "3" is more than REPLICAS, "2"',
  ]);
});

test('every service has its place', () => {
  const config = readConfig({ PORT_BASE: '9000', REPLICAS: '2' });
  assert.is(frontUrl(config), 'http://127.0.0.1:9000');
  assert.is(catalogUrl(config), 'http://127.0.0.1:9001');
  assert.is(orderUrl(config, 2), 'http://127.0.0.1:9012');
  assert.is(orderPort(config, 1), 9011);
  assert.equal(replicaIds(config), [1, 2]);
  assert.is(frontUrl(readConfig({ HOST: '0.0.0.0' })), 'http://127.0.0.1:8080');
  assert.is(frontUrl(readConfig({ HOST: '::' })), 'http://[::1]:8080');
  assert.is(frontUrl(readConfig({ HOST: 'till.example' })), 'http://till.example:8080');
});

test('docs/config.md has every setting, as it is, and no other', async () => {
  const text = await readFile(new URL('../../../docs/config.md', import.meta.url), 'utf8');
  const documented = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.replace(/ +/g, ' '));
  const expected = describeSettings().map(({ name, fallback, allowed, help }) => {
    const byDefault = fallback === null ? 'none' : `\`${fallback}\``;
    return `| \`${name}\` | ${byDefault} | ${allowed} | ${help} |`;
  });
  assert.equal(documented, expected);
});

test.run();
