import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeFlags } from '../../bin/lib/bench-services.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';

type App = Record<string, unknown> & { name: string; env: Record<string, string>; interpreter: string; script: string };

/** The configuration as PM2 would load it with these settings, or the error. */
const load = (settings: Record<string, string>): { apps: App[]; error: string } => {
  const path = JSON.stringify(join(projectFolder, 'ecosystem.config.cjs'));
  const { stdout, stderr, status } = spawnSync(tool('node'), ['-p', `JSON.stringify(require(${path}).apps)`], {
    env: { PATH: process.env.PATH ?? '', ...settings },
    encoding: 'utf8',
  });
  return { apps: status === 0 ? (JSON.parse(stdout) as App[]) : [], error: stderr };
};

const appOf = (settings: Record<string, string>, name: string): App => {
  const app = load(settings).apps.find((one) => one.name === name);
  assert.ok(app, name);
  return app as App;
};

test('every service is an app, and every replica knows which it is', () => {
  const { apps } = load({});
  assert.equal(
    apps.map(({ name }) => name),
    ['catalog', 'order-1', 'order-2', 'order-3', 'front'],
  );
  assert.equal(
    apps.map(({ env }) => env.REPLICA_ID),
    [undefined, '1', '2', '3', undefined],
  );
  assert.is(load({ REPLICAS: '7' }).apps.length, 9);
  assert.is(load({ REPLICAS: '' }).apps.length, 5);
});

test('each runtime is one that the project brings', () => {
  for (const runtime of ['node', 'bun', 'deno']) {
    const { interpreter } = appOf({ RUNTIME: runtime }, 'front');
    assert.ok(interpreter.startsWith(projectFolder) && existsSync(interpreter), interpreter);
  }
  assert.match(String(appOf({ RUNTIME: 'deno' }, 'front').interpreter_args), /^run /);
  // PM2 loads the file by itself, with require, when the interpreter's path ends in "bun".
  assert.not.match(appOf({ RUNTIME: 'bun' }, 'front').interpreter, /bun$/);
});

test('bin/bench runs Node as PM2 does', () => {
  assert.is(appOf({}, 'order-1').interpreter_args, nodeFlags.join(' '));
});

test('no app is cluster mode, gives up after crashes, or is killed before it could close', () => {
  for (const app of load({}).apps) {
    assert.is(app.exec_mode, 'fork');
    assert.is(app.instances, 1);
    assert.is(app.autorestart, true);
    assert.ok(Number(app.max_restarts) >= 1_000_000);
    assert.ok(Number(app.min_uptime) >= 100, 'PM2 takes no less');
    assert.ok(Number(app.exp_backoff_restart_delay) > 0);
    assert.ok(Number(app.kill_timeout) >= 5000);
  }
});

test('logs are in the data folder, which counts from the project', () => {
  assert.is(appOf({}, 'order-2').out_file, join(projectFolder, 'data/logs/order-2.log'));
  assert.is(appOf({ DATA_DIR: '/srv/till' }, 'front').error_file, '/srv/till/logs/front.log');
});

test('settings that cannot be are named', () => {
  assert.match(load({ REPLICAS: '8' }).error, /REPLICAS: "8" is not a whole number from 1 to 7/);
  assert.match(load({ RUNTIME: 'perl' }).error, /RUNTIME: "perl" is not one of node, bun, deno/);
  assert.match(load({ RUNTIME: 'toString' }).error, /RUNTIME: "toString"/);
});

test.run();
