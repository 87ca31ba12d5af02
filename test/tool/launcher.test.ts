import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';

/** A project of its own with the real launchers, and an `npm` that only notes what it was asked for. */
let project = '';
test.before.each(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'till-launcher-')));
  mkdirSync(join(project, 'bin/lib'), { recursive: true });
  mkdirSync(join(project, 'tools'));
  for (const file of ['bin/verify', 'bin/lib/launch.sh']) copyFileSync(join(projectFolder, file), join(project, file));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  writeFileSync(join(project, 'package-lock.json'), '{}');
  writeFileSync(
    join(project, 'bin/verify.ts'),
    'const words: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ words, folder: process.cwd() }));\n',
  );
  writeNpm('exit 0');
});
test.after.each(() => rmSync(project, { recursive: true, force: true }));

/** `before`: what npm does before it installs. */
const writeNpm = (before: string): void => {
  const script = `#!/bin/sh
echo "$*" >>"${project}/npm.log"
install() {
  mkdir -p "${project}/node_modules/.bin"
  ln -sf "${realpathSync(tool('node'))}" "${project}/node_modules/.bin/node"
  echo '{}' >"${project}/node_modules/.package-lock.json"
}
${before === 'exit 0' ? 'install' : before}
`;
  writeFileSync(join(project, 'tools/npm'), script);
  chmodSync(join(project, 'tools/npm'), 0o755);
};

const environment = (path = `${join(project, 'tools')}:${process.env.PATH}`) => ({ ...process.env, PATH: path });

const launch = ({
  file = join(project, 'bin/verify'),
  cwd = project,
  words = [] as string[],
  path = undefined as string | undefined,
} = {}) => {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', '"$0" "$@"', file, ...words], {
    cwd,
    env: environment(path),
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
};

const npmCalls = (): string[] =>
  existsSync(join(project, 'npm.log')) ? readFileSync(join(project, 'npm.log'), 'utf8').trim().split('\n') : [];

test('what is missing is installed once, and the words of the user arrive as they are', () => {
  const { code, out, err } = launch({ words: ['a b', '--c=*', ''] });
  assert.is(code, 0, err);
  assert.equal(JSON.parse(out), { words: ['a b', '--c=*', ''], folder: project });
  assert.match(err, /^Installing/);
  assert.is(launch().err, '');
  assert.is(npmCalls().length, 1);
  assert.match(npmCalls()[0] ?? '', /^ci /);
  assert.not(existsSync(join(project, 'data/.install-lock')));
});

test('the project is found through symlinks, and from any folder', () => {
  const elsewhere = join(project, 'else where');
  mkdirSync(elsewhere);
  symlinkSync('../bin/verify', join(elsewhere, 'one'));
  symlinkSync(join(elsewhere, 'one'), join(elsewhere, 'two'));
  for (const file of [join(elsewhere, 'two'), './two', './one']) {
    const { code, out, err } = launch({ file, cwd: elsewhere });
    assert.is(code, 0, err);
    assert.is(JSON.parse(out).folder, elsewhere);
  }
  assert.is(launch({ file: 'verify', cwd: elsewhere, path: `${project}/bin:${environment().PATH}` }).code, 0);
});

test('a newer lock file is installed, an older one is not', () => {
  launch();
  const lockFile = join(project, 'package-lock.json');
  const inAnHour = Date.now() / 1000 + 3600;
  utimesSync(lockFile, 1, 1);
  launch();
  assert.is(npmCalls().length, 1);
  utimesSync(lockFile, inAnHour, inAnHour);
  launch();
  assert.is(npmCalls().length, 2);
});

test('two at once install once', async () => {
  writeNpm('sleep 1; install');
  const start = () =>
    new Promise<number | null>((done) => {
      spawn(join(project, 'bin/verify'), { env: environment(), stdio: 'ignore' }).on('exit', done);
    });
  assert.equal(await Promise.all([start(), start(), start()]), [0, 0, 0]);
  assert.is(npmCalls().length, 1);
});

test('the lock of an installation that is gone is broken', () => {
  const gone = spawnSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).stdout.trim();
  mkdirSync(join(project, 'data/.install-lock'), { recursive: true });
  writeFileSync(join(project, 'data/.install-lock/pid'), gone);
  assert.is(launch().code, 0);
  assert.equal(readdirSync(join(project, 'data')), []);
});

test('a lock file without the packages of this platform falls back, and says so', () => {
  writeNpm('if [ "$1" = ci ]; then echo "Missing: @deno/x@1 from lock file" >&2; exit 1; fi; install');
  const { code, err } = launch();
  assert.is(code, 0);
  assert.match(err, /lacks packages for this platform/);
  assert.equal(
    npmCalls().map((call) => call.split(' ').slice(0, 2).join(' ')),
    ['ci --include=dev', 'install --no-save'],
  );
});

test("another failure of npm is told in npm's words, and leaves no lock", () => {
  writeNpm('echo "no space left" >&2; exit 1');
  const { code, err } = launch();
  assert.is(code, 1);
  assert.match(err, /no space left[\s\S]*"npm ci" failed/);
  assert.is(npmCalls().length, 1);
  assert.not(existsSync(join(project, 'data/.install-lock')));
});

test('an installation without the pinned runtime is told', () => {
  writeNpm(`mkdir -p "${project}/node_modules"; exit 0`);
  const { code, err } = launch();
  assert.is(code, 1);
  assert.match(err, /pinned Node\.js .* was not installed/);
});

test('a machine without npm is told what to install', () => {
  const few = join(project, 'few');
  mkdirSync(few);
  for (const name of ['sh', 'dirname', 'readlink', 'mkdir', 'cat', 'rm', 'touch', 'sleep', 'grep']) {
    const path = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(path, join(few, name));
  }
  const { code, err } = launch({ path: few });
  assert.is(code, 1);
  assert.match(err, /npm is not there\. Install Node\.js 20 or newer/);
});

test.run();
