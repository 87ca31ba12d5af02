/** Plays scenarios one after the other, then proves the files that they have left. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder, tool } from './project.ts';
import { orderScenarios } from './scenarios-orders.ts';
import { outsideScenarios } from './scenarios-outsides.ts';
import { createStage, type Scenario, type Stage } from './scenarios-stage.ts';
import type { World } from './scenarios-world.ts';
import { drawTable } from './table.ts';

export const scenarios: Scenario[] = [...orderScenarios, ...outsideScenarios];

type Result = { name: string; title: string; passed: number; failed: number };

/** True if everything was as expected. */
export const playAll = async (world: World, chosen: Scenario[], say: (text: string) => void): Promise<boolean> => {
  const stage = createStage({ world, say });
  const results: Result[] = [];
  for (const [at, scenario] of chosen.entries()) {
    say(`\n${at + 1}. ${scenario.title} (${scenario.name})`);
    results.push(await play(stage, scenario, say));
  }
  say('\nThe end: what the shop shows is our stock; the services stop; the files are proven.');
  results.push(await play(stage, proof(world, say), say));
  say('');
  say(drawTable(['scenario', 'checks', 'result'], results.map(rowOf)));
  const failed = results.filter((result) => result.failed > 0);
  say(failed.length === 0 ? `All ${results.length} ok` : `${failed.length} of ${results.length} failed`);
  return failed.length === 0;
};

const rowOf = ({ name, passed, failed }: Result): (string | number)[] => [
  name,
  passed + failed,
  failed === 0 ? 'ok' : `${failed} FAILED`,
];

const play = async (stage: Stage, scenario: Scenario, say: (text: string) => void): Promise<Result> => {
  const { name, title } = scenario;
  const problem = await scenario.play(stage).then(
    () => null,
    (error: Error) => error,
  );
  stage.warehouse.faults.clear();
  stage.shopify.faults.clear();
  stage.shopify.onlyMutations(false);
  if (problem !== null) say(`  Cannot go on with ${name}: ${problem.stack}`);
  const { passed, failed } = stage.takeCounts();
  return { name, title, passed, failed: failed + (problem === null ? 0 : 1) };
};

/** Not to be chosen: it ends every run. */
const proof = ({ till, shopify, stop }: World, say: (text: string) => void): Scenario => ({
  name: 'the-end',
  title: 'Everything is proven',
  async play({ levels, check, firstOrder }) {
    await levels();
    check('Shopify', {
      expected: 'nothing to complain of',
      came: shopify.complaints().join() || 'nothing to complain of',
    });
    check('stopping', { expected: 'all in order', came: (await stop()).join('; ') || 'all in order' });

    say(`\n$ bin/verify ${till.dataFolder}`);
    check('exit code', { expected: '0', came: String(await run('verify', [till.dataFolder], say)) });

    const order = firstOrder();
    if (order === null) return;
    say(`\n$ bin/trace ${order.id} --data ${till.dataFolder}`);
    const code = await run('trace', [order.id, '--data', till.dataFolder], say);
    check('exit code', { expected: '0', came: String(code) });
  },
});

/** Runs another command of the project; what it says is said too. */
const run = (name: string, words: string[], say: (text: string) => void): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(tool('node'), [join(projectFolder, `bin/${name}.ts`), ...words], {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      say(output.trimEnd());
      resolve(code);
    });
  });
