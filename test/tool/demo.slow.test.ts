/** The commands as a user calls them, with the real services, in a PM2 of their own. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';

const PORT_BASE = 21340;
const NAMES = ['catalog', 'front', 'order-1', 'order-2', 'order-3'];

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-demo-'));
});
test.after.each(async () => {
  await call(join(projectFolder, 'node_modules/.bin/pm2'), ['kill']);
  rmSync(folder, { recursive: true, force: true });
});

type Ended = { code: number; out: string; err: string };

const call = (file: string, words: string[], settings: Record<string, string> = {}): Promise<Ended> =>
  new Promise((done) => {
    const env = {
      ...process.env,
      PM2_HOME: join(folder, 'pm2'),
      DATA_DIR: join(folder, 'data'),
      PORT_BASE: String(PORT_BASE),
      RUNTIME: '',
      REPLICAS: '',
      ...settings,
    };
    execFile(file, words, { cwd: folder, env, timeout: 180_000 }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

const command = (name: string, words: string[] = [], settings: Record<string, string> = {}): Promise<Ended> =>
  call(join(projectFolder, 'bin', name), words, settings);

const readStatus = async () =>
  JSON.parse((await command('status', ['--json'])).out) as {
    ready: boolean;
    services: { name: string; state: string; pid: number }[];
    cluster: { leader: number; inSync: number[] } | null;
  };

test('the demo starts everything from nothing, verifies every order and leaves the services running', async () => {
  const demo = await command('demo', ['--requests', '20', '--seed', '1']);
  assert.is(demo.code, 0, demo.out + demo.err);
  const [, verified, acknowledged] = /verified (\d+) of (\d+) orders/.exec(demo.out) ?? [];
  assert.ok(Number(acknowledged) > 0);
  assert.is(verified, acknowledged);
  assert.match(demo.out, /Where to look next/);

  const before = await readStatus();
  assert.is(before.ready, true);
  assert.equal(
    before.services.map(({ name, state }) => `${name} ${state}`),
    NAMES.map((name) => `${name} online`),
  );
  assert.equal(before.cluster?.inSync, [1, 2, 3]);
  assert.match((await command('status')).out, /leader order-3, term 1/);

  const again = await command('demo', ['--requests', '5']);
  assert.is(again.code, 0, again.out + again.err);
  assert.match(again.out, /running already/);
  assert.equal(
    (await readStatus()).services.map(({ pid }) => pid),
    before.services.map(({ pid }) => pid),
  );

  const running = await command('verify');
  assert.is(running.code, 0, running.out);
  assert.match((await command('start', [], { RUNTIME: 'bun' })).err, /order-1 has RUNTIME=, asked for is RUNTIME=bun/);

  const stopped = await command('stop');
  assert.is(stopped.code, 0);
  assert.match(stopped.out, /^Stopped front, order-1, order-2, order-3, catalog$/m);
  const audit = await command('verify', [join(folder, 'data'), '--json']);
  assert.is(audit.code, 0, audit.out);
  const { consistent, orders, replicas } = JSON.parse(audit.out);
  assert.is(consistent, true);
  assert.ok(orders >= Number(acknowledged));
  assert.is(new Set((replicas as { entries: number }[]).map(({ entries }) => entries)).size, 1, 'all logs are level');

  const down = await command('status');
  assert.is(down.code, 1);
  assert.match(down.out, /npm start/);
  assert.match((await command('stop')).out, /Nothing was running/);
});

test('a service that was stopped is started, the others are left alone', async () => {
  assert.is((await command('start')).code, 0);
  const before = await readStatus();
  await call(join(projectFolder, 'node_modules/.bin/pm2'), ['stop', 'order-2']);
  const again = await command('start');
  assert.is(again.code, 0, again.out + again.err);
  assert.match(again.out, /^Starting order-2 with PM2/m);
  const after = await readStatus();
  for (const { name, pid } of before.services) {
    assert.is(after.services.find((service) => service.name === name)?.pid === pid, name !== 'order-2', name);
  }
});

test('a port that somebody else has is named', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(PORT_BASE + 12, '127.0.0.1', done));
  const { code, err } = await command('start');
  await new Promise((done) => server.close(done));
  assert.is(code, 1);
  assert.match(err, /Port 21352, which order-2 needs, is taken/);
  assert.match(err, /PORT_BASE=22340/);
  assert.equal((await readStatus()).services, []);
});

test('wrong settings and options are told before anything is started', async () => {
  const settings = await command('demo', [], { PORT_BASE: 'high', REPLICAS: '9' });
  assert.is(settings.code, 2);
  assert.match(settings.err, /PORT_BASE: "high"/);
  assert.match(settings.err, /REPLICAS: "9"/);
  const options = await command('demo', ['--clients', 'many']);
  assert.is(options.code, 2);
  assert.match(options.err, /--clients: "many"/);
  assert.equal((await readStatus()).services, []);
});

test('an app of somebody else with the name of a service is not touched', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'front.js'), 'setInterval(() => {}, 1000);');
  const foreign = await call(tool('pm2'), ['start', join(other, 'front.js'), '--name', 'front', '--cwd', other]);
  assert.is(foreign.code, 0, foreign.err);
  for (const name of ['start', 'stop', 'status']) {
    const { code, err } = await command(name);
    assert.is(code, 1, name);
    assert.match(err, /already runs an app named "front", from .*other/);
  }
});

test('every command tells what it is for', async () => {
  for (const name of ['demo', 'test', 'client', 'verify', 'start', 'stop', 'status']) {
    const { code, out } = await command(name, ['--help']);
    assert.is(code, 0, name);
    assert.match(out, new RegExp(`^bin/${name}`));
    assert.match(out, /Exit code: /);
  }
});

test.run();
