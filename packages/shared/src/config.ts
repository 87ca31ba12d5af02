/**
 * All settings: one table, read once, checked together, frozen. docs/config.md is complete, by test. A setting that is
 * empty counts as not given.
 */

type Setting<Value> = {
  /** Name of the environment variable. */
  name: string;
  /** As it would be written in the environment. null: none, the setting may be absent. */
  fallback: string | null;
  help: string;
  /** What is allowed, for people. */
  allowed: string;
  /** Its value must not appear in a message. */
  isSecret?: true;
  /** The value, or undefined if the text is not allowed. */
  parse: (text: string) => Value | undefined;
};

const integer = (setting: {
  name: string;
  fallback: number | null;
  min: number;
  max: number;
  help: string;
}): Setting<number> => ({
  name: setting.name,
  fallback: setting.fallback === null ? null : String(setting.fallback),
  help: setting.help,
  allowed: `a whole number from ${setting.min} to ${setting.max}`,
  parse: (text) => {
    if (!/^\d{1,15}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= setting.min && value <= setting.max ? value : undefined;
  },
});

const oneOf = <const Value extends string>(setting: {
  name: string;
  fallback: Value;
  values: readonly Value[];
  help: string;
}): Setting<Value> => ({
  name: setting.name,
  fallback: setting.fallback,
  help: setting.help,
  allowed: `one of ${setting.values.join(', ')}`,
  parse: (text) => setting.values.find((value) => value === text),
});

const string = (setting: { name: string; fallback: string; help: string; allowed: string }): Setting<string> => ({
  ...setting,
  parse: (text) => (text.includes('\0') ? undefined : text),
});

/** On or off; off unless given. */
const flag = (setting: { name: string; help: string }): Setting<boolean> => ({
  ...setting,
  fallback: '0',
  allowed: 'one of 0, 1',
  parse: (text) => (text === '1' ? true : text === '0' ? false : undefined),
});

/** Names or secrets with commas between them; none unless given. */
const list = (setting: {
  name: string;
  max: number;
  help: string;
  allowed: string;
  isItem: (text: string) => boolean;
  isSecret?: true;
}): Setting<readonly string[]> => ({
  name: setting.name,
  fallback: '',
  help: setting.help,
  allowed: setting.allowed,
  ...(setting.isSecret && { isSecret: setting.isSecret }),
  parse: (text) => {
    const items = text.split(',').map((item) => item.trim());
    if (text === '') return [];
    return items.length <= setting.max && items.every(setting.isItem) ? items : undefined;
  },
});

const isUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.hash !== '') return false;
  return (url.protocol === 'http:' || url.protocol === 'https:') && isDecodable(url.username + url.password);
};

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** Another program's address, or none. It is not shown: a password may be in it, or a path that nobody shall know. */
const address = (setting: { name: string; help: string }): Setting<string | null> => ({
  ...setting,
  fallback: null,
  allowed: 'an http or https address',
  isSecret: true,
  parse: (text) => (isUrl(text) ? text.replace(/\/+$/, '') : undefined),
});

/** A secret text, or none. Its value is shown nowhere. */
const secret = (setting: { name: string; help: string }): Setting<string | null> => ({
  ...setting,
  fallback: null,
  allowed: 'a text without spaces',
  isSecret: true,
  parse: (text) => (/^\S+$/.test(text) ? text : undefined),
});

/** Ports above PORT_BASE that the order replicas use: PORT_BASE + 10 + id. */
const ORDER_PORTS = 10;
const REPLICAS_MAX = 7;
const DAY_MS = 24 * 60 * 60 * 1000;

const settings = {
  portBase: integer({
    name: 'PORT_BASE',
    fallback: 8080,
    min: 1,
    max: 65535 - ORDER_PORTS - REPLICAS_MAX,
    help: 'The front listens on it; the catalog on +1; order replica k on +10+k',
  }),
  host: string({
    name: 'HOST',
    fallback: '127.0.0.1',
    allowed: 'an address of this machine',
    help: 'Address that the front binds; the other services always bind loopback',
  }),
  dataDir: string({
    name: 'DATA_DIR',
    fallback: 'data',
    allowed: 'a folder',
    help: 'Folder of everything that is kept: `catalog`, `order-1` and so on, `front` in it',
  }),
  replicas: integer({
    name: 'REPLICAS',
    fallback: 3,
    min: 1,
    max: REPLICAS_MAX,
    help: 'Number of order replicas',
  }),
  seed: string({
    name: 'SEED',
    fallback: 'data/seed.json',
    allowed: 'a file',
    help: 'Products that a catalog with an empty journal starts with',
  }),
  cacheSize: integer({
    name: 'CACHE_SIZE',
    fallback: 10,
    min: 0,
    max: 1_000_000,
    help: "Products in the front's LRU cache; 0 switches it off",
  }),
  restockEveryMs: integer({
    name: 'RESTOCK_EVERY_MS',
    fallback: 10_000,
    min: 0,
    max: DAY_MS,
    help: "The restocker's rhythm; 0 switches it off",
  }),
  restockLevel: integer({
    name: 'RESTOCK_LEVEL',
    fallback: 100,
    min: 0,
    max: 1_000_000,
    help: 'Quantity that the restocker fills a sold-out product up to; 0 switches it off',
  }),
  minInSync: integer({
    name: 'MIN_IN_SYNC',
    fallback: 1,
    min: 1,
    max: REPLICAS_MAX,
    help: 'Fewest in-sync replicas that may acknowledge an order; at most REPLICAS',
  }),
  runtime: oneOf({
    name: 'RUNTIME',
    fallback: 'node',
    values: ['node', 'bun', 'deno'],
    help: 'What PM2 starts the services with',
  }),
  suspectAfterMs: integer({
    name: 'SUSPECT_AFTER_MS',
    fallback: 500,
    min: 50,
    max: 60_000,
    help: 'Unanswered health checks for this long make the front take a replica for dead',
  }),
  requestWaitMs: integer({
    name: 'REQUEST_WAIT_MS',
    fallback: 4000,
    min: 100,
    max: 60_000,
    help: 'How long a request may wait inside the front for a leader before it is answered with 503; a checkout may take CHECK_WAIT_MS more',
  }),
  shopifySecrets: list({
    name: 'SHOPIFY_SECRETS',
    max: 2,
    allowed: 'one or two texts without spaces, with a comma between them',
    isItem: (text) => /^\S+$/.test(text),
    isSecret: true,
    help: 'Secrets that Shopify signs its webhooks with; two while one replaces the other. Without any, the webhooks answer 401',
  }),
  shopifyUrl: address({
    name: 'SHOPIFY_URL',
    help: "Address of the Shopify shop's GraphQL Admin API, which is told every change of stock; needs SHOPIFY_TOKEN",
  }),
  shopifyToken: secret({ name: 'SHOPIFY_TOKEN', help: 'Access token for SHOPIFY_URL' }),
  webhookUrls: list({
    name: 'WEBHOOK_URLS',
    max: 8,
    allowed: 'up to 8 http or https addresses, with commas between them',
    isItem: isUrl,
    isSecret: true,
    help: 'Addresses that are told every order, cancellation and restock; needs WEBHOOK_SECRET',
  }),
  webhookSecret: secret({ name: 'WEBHOOK_SECRET', help: 'Secret that what goes to WEBHOOK_URLS is signed with' }),
  outboxAttempts: integer({
    name: 'OUTBOX_ATTEMPTS',
    fallback: 60,
    min: 1,
    max: 1_000_000,
    help: 'Attempts to deliver an event before it becomes a dead letter; the pauses double from 1 s to 5 min, so 60 are about four hours',
  }),
  wmsUrl: address({
    name: 'WMS_URL',
    help: 'Address of a warehouse that is asked for the availability of every line before an order is decided, or a checkout queued',
  }),
  wmsHoldMs: integer({
    name: 'WMS_HOLD_MS',
    fallback: 60_000,
    min: 100,
    max: DAY_MS,
    help: 'How long a warehouse that is down is not asked again',
  }),
  checkVerificationUrl: address({
    name: 'CHECK_VERIFICATION_URL',
    help: 'Address of a verification service for checkouts; without it the front verifies them itself',
  }),
  checkFraudUrl: address({
    name: 'CHECK_FRAUD_URL',
    help: 'Address of a fraud detection service for checkouts; without it the front does that itself',
  }),
  suggestionsUrl: address({
    name: 'SUGGESTIONS_URL',
    help: 'Address of a service that suggests books; without it the front does that itself',
  }),
  checkWaitMs: integer({
    name: 'CHECK_WAIT_MS',
    fallback: 2000,
    min: 100,
    max: 60_000,
    help: 'How long the checks of a checkout may take together',
  }),
  rotateLeader: flag({
    name: 'ROTATE_LEADER',
    help: '1: after each executed checkout the leader hands over to the next in-sync replica',
  }),
  logOrders: flag({
    name: 'LOG_ORDERS',
    help: '1: every service logs a line for each step of each order, for `bin/trace`; costs speed and disk',
  }),
  chaos: flag({ name: 'CHAOS', help: '1: allows the other CHAOS settings, which do harm on purpose' }),
  chaosOn: list({
    name: 'CHAOS_ON',
    max: 2 + REPLICAS_MAX,
    allowed: 'names of services (front, catalog, order-1 and so on), with commas between them',
    isItem: (text) => /^(front|catalog|order-[1-7])$/.test(text),
    help: 'Services that the CHAOS settings apply to; all if none is named',
  }),
  chaosLatencyMs: integer({
    name: 'CHAOS_LATENCY_MS',
    fallback: 0,
    min: 0,
    max: 60_000,
    help: 'Delays requests by so much; 0 for none',
  }),
  chaosLatencyEvery: integer({
    name: 'CHAOS_LATENCY_EVERY',
    fallback: 1,
    min: 1,
    max: 1_000_000,
    help: 'Every how manieth request is delayed',
  }),
  chaosCrashEvery: integer({
    name: 'CHAOS_CRASH_EVERY',
    fallback: 0,
    min: 0,
    max: 1_000_000,
    help: 'The service kills itself at every so manieth passing of CHAOS_CRASH_AT; 0 for never',
  }),
  chaosCrashAt: oneOf({
    name: 'CHAOS_CRASH_AT',
    fallback: 'before_store',
    values: ['before_store', 'after_store', 'before_answer'],
    help: 'Where: before a batch is written, after its fsync, or when it is done and would be answered',
  }),
  chaosNoFsync: flag({
    name: 'CHAOS_NO_FSYNC',
    help: '1: does not sync the journal and the logs, so that a crash of the machine takes what was acknowledged; `bin/bench` shows with it what fsync costs',
  }),
  logLevel: oneOf({
    name: 'LOG_LEVEL',
    fallback: 'info',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    help: 'Least level of log lines that are written',
  }),
  replicaId: integer({
    name: 'REPLICA_ID',
    fallback: null,
    min: 1,
    max: REPLICAS_MAX,
    help: 'Which order replica a process is; only for those processes, `ecosystem.config.cjs` sets it; at most REPLICAS',
  }),
};

type Settings = typeof settings;
type ValueOf<S> = S extends Setting<infer Value> ? Value : never;

/** All settings by their names in code; `replicaId` is null in a process that is no order replica. */
export type Config = Readonly<
  { [Key in Exclude<keyof Settings, 'replicaId'>]: ValueOf<Settings[Key]> } & { replicaId: number | null }
>;
export type Environment = Record<string, string | undefined>;

/** The settings are not usable. `problems` lists everything that is wrong, one line each. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Cannot start with these settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads and checks every setting. Throws `ConfigError` that lists all problems at once; main prints it and exits with 2. */
export const readConfig = (environment: Environment = process.env): Config => {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const text = environment[setting.name] || setting.fallback;
    const value = text === null ? null : setting.parse(text);
    const shown = setting.isSecret === true ? 'its value' : JSON.stringify(text);
    if (value === undefined) problems.push(`${setting.name}: ${shown} is not ${setting.allowed}`);
    values[key] = value ?? null;
  }
  const config = values as Config;
  if (problems.length === 0) {
    const { replicas } = config;
    if (config.minInSync > replicas)
      problems.push(`MIN_IN_SYNC: "${config.minInSync}" is more than REPLICAS, "${replicas}"`);
    if (config.replicaId !== null && config.replicaId > replicas)
      problems.push(`REPLICA_ID: "${config.replicaId}" is more than REPLICAS, "${replicas}"`);
    problems.push(...unpaired(config));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
};

/** Settings that are of no use, or of harm, without another one. */
const unpaired = (config: Config): string[] => {
  const problems: string[] = [];
  const needs = (isGiven: boolean, name: string, isThere: boolean, other: string): void => {
    if (isGiven && !isThere) problems.push(`${name}: needs ${other}, which is not given`);
  };
  needs(config.shopifyUrl !== null, 'SHOPIFY_URL', config.shopifyToken !== null, 'SHOPIFY_TOKEN');
  needs(config.webhookUrls.length > 0, 'WEBHOOK_URLS', config.webhookSecret !== null, 'WEBHOOK_SECRET');
  needs(config.chaosLatencyMs > 0, 'CHAOS_LATENCY_MS', config.chaos, 'CHAOS=1');
  needs(config.chaosCrashEvery > 0, 'CHAOS_CRASH_EVERY', config.chaos, 'CHAOS=1');
  needs(config.chaosNoFsync, 'CHAOS_NO_FSYNC', config.chaos, 'CHAOS=1');
  return problems;
};

/** The table as a document needs it, in its order. `fallback` is null for a setting that may be absent. */
export const describeSettings = (): { name: string; fallback: string | null; allowed: string; help: string }[] =>
  Object.values(settings).map(({ name, fallback, allowed, help }) => ({
    name,
    fallback: fallback === '' ? null : fallback,
    allowed,
    help,
  }));

// Where the services are. All but the front are on loopback only.

export const frontPort = (config: Config): number => config.portBase;
export const catalogPort = (config: Config): number => config.portBase + 1;
export const orderPort = (config: Config, id: number): number => config.portBase + ORDER_PORTS + id;

export const frontUrl = (config: Config): string => `http://${reachable(config.host)}:${frontPort(config)}`;
export const catalogUrl = (config: Config): string => `http://127.0.0.1:${catalogPort(config)}`;
export const orderUrl = (config: Config, id: number): string => `http://127.0.0.1:${orderPort(config, id)}`;

/** The ids of all order replicas, from 1. */
export const replicaIds = (config: Config): number[] => Array.from({ length: config.replicas }, (_, at) => at + 1);

/** An address to call for one to bind: "every address" is reached over loopback. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
};
