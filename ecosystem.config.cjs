/**
 * What PM2 runs: `pm2 start ecosystem.config.cjs`. One app per service, named as people call them.
 *
 * Fork mode only: each service owns its files. Nothing here decides how a service works; settings go through as they
 * are in the environment and are checked by the services (packages/shared/src/config.ts).
 */
const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');

const setting = (name, fallback) => process.env[name] || fallback;

const readReplicas = () => {
  const text = setting('REPLICAS', '3');
  if (/^[1-7]$/.test(text)) return Number(text);
  throw new Error(`Cannot start: REPLICAS: ${JSON.stringify(text)} is not a whole number from 1 to 7`);
};

/**
 * How each runtime runs a source file as it stands. PM2 looks at the end of the interpreter's path: for ".../bun" it
 * would load the file with `require`, which refuses top-level await, so Bun goes by the name of its real file.
 */
const runtimes = {
  node: {
    interpreter: 'node_modules/.bin/node',
    // What an order leaves behind lives as long as the order: with less room for it all of it is copied again and again,
    // which costs about a tenth of the throughput (docs/benchmarks.md).
    interpreter_args: '--min-semi-space-size=16',
    // A start compiles what has not changed since the last one only once: about a third of its time.
    env: { NODE_COMPILE_CACHE: join(__dirname, 'node_modules/.cache/till') },
  },
  bun: { interpreter: 'node_modules/bun/bin/bun.exe' },
  deno: { interpreter: 'node_modules/.bin/deno', interpreter_args: 'run --allow-all --no-lock --quiet' },
};

const readRuntime = () => {
  const name = setting('RUNTIME', 'node');
  const runtime = Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
  if (runtime === undefined) {
    const known = Object.keys(runtimes).join(', ');
    throw new Error(`Cannot start: RUNTIME: ${JSON.stringify(name)} is not one of ${known}`);
  }
  const interpreter = join(__dirname, runtime.interpreter);
  if (!existsSync(interpreter)) throw new Error(`Cannot start: ${interpreter} is not there. Run: npm ci`);
  return { ...runtime, interpreter };
};

const { env: runtimeEnvironment, ...runtime } = readRuntime();
const logFolder = resolve(__dirname, setting('DATA_DIR', 'data'), 'logs');

const app = (name, service, environment = {}) => ({
  name,
  script: join(__dirname, `packages/${service}/src/main.ts`),
  cwd: __dirname,
  ...runtime,
  exec_mode: 'fork',
  instances: 1,
  env: { ...runtimeEnvironment, ...environment },

  // A service that dies comes back: soon at first, later every 15 seconds, and for ever. PM2 gives up after
  // `max_restarts` exits that each came before `min_uptime` ms, so that both are out of reach.
  autorestart: true,
  min_uptime: 100,
  max_restarts: 1_000_000_000,
  exp_backoff_restart_delay: 100,

  // Longer than a service takes to answer what is under way, write it and close.
  kill_timeout: 6000,

  out_file: join(logFolder, `${name}.log`),
  error_file: join(logFolder, `${name}.log`),
  merge_logs: true,
  time: true,

  // PM2's own probes, Git look-ups and source maps have no use here.
  pmx: false,
  vizion: false,
  disable_source_map_support: true,
});

const replicas = Array.from({ length: readReplicas() }, (_, at) => String(at + 1));

module.exports = {
  apps: [
    app('catalog', 'catalog'),
    ...replicas.map((id) => app(`order-${id}`, 'order', { REPLICA_ID: id })),
    app('front', 'front'),
  ],
};
