/** Measures Till beside bare node:http, and beside other stores. */
import { createEtcdPeer } from './lib/bench-etcd.ts';
import { createFloor } from './lib/bench-floor.ts';
import { type Growth, measureGrowth } from './lib/bench-growth.ts';
import { createLoader } from './lib/bench-load.ts';
import { describeMachine, machineLines } from './lib/bench-machine.ts';
import { createNatsPeer } from './lib/bench-nats.ts';
import { readBenchOptions } from './lib/bench-options.ts';
import { createPostgresPeer } from './lib/bench-postgres.ts';
import { openProcesses } from './lib/bench-processes.ts';
import { createRedisPeer } from './lib/bench-redis.ts';
import { saveReport, showReport } from './lib/bench-report.ts';
import { chosenOf, runRounds } from './lib/bench-run.ts';
import { fullName, type Subject } from './lib/bench-subject.ts';
import { judge, judgeGrowth } from './lib/bench-targets.ts';
import { createTillSubject, createUnsyncedSubject } from './lib/bench-till.ts';
import { closeOnSignal } from './lib/close-on-signal.ts';
import { complain, exitCodes, Failure, runCommand, say, UsageError } from './lib/command.ts';

const help = `
bin/bench [options]

Measures how fast Till looks products up, takes orders and looks orders up, and beside it what the same machine does at
best: a bare node:http server that answers the same bytes. Systems are opened and measured one after the other, in
several rounds, each on its own ports and with an empty store in a temporary folder; the median of the rounds counts.
Everything that was started is stopped, also on Ctrl-C; a Till that runs already is not touched. docs/benchmarks.md says
how to read the tables. The machine should do nothing else meanwhile.

  --runtime NAME   what runs Till: node, bun or deno; may be given more than once (node)
  --peers          measures etcd, PostgreSQL, Redis and NATS too, if they are installed, and says how to install them
  --growth N       also what a store of N orders costs: start, memory, pace (1000000 is a good number)
  --seconds S      of each measurement, 0.1 to 600 (3); wrk knows whole seconds only
  --warm S         at most so long is each system warmed up, 0 to 600 (10): with 40,000 writes, so that its code is compiled
  --rounds N       1 to 100 (3)
  --only WORD      only measurements with this in their name; may be given more than once
  --list           names the measurements, and starts nothing
  --markdown       prints the tables as Markdown, for docs/benchmarks.md
  --json FILE      writes everything that was measured as JSON
  --svg FILE       writes a chart of orders per second

Load over HTTP comes from wrk if it is installed (apt-get install wrk), else from autocannon, which is slower.

Exit code: 0 measured, 1 something failed, or a request got a wrong answer, 2 wrong options, 130 it was interrupted.
`;

/** No load takes longer than this and so many times what it is asked for. */
const RUN_SECONDS_MIN = 60;
const RUN_SECONDS_FACTOR = 5;

await runCommand(help, async (words) => {
  const options = readBenchOptions(words);
  const { seconds, warmSeconds, rounds, runtimes } = options;
  const startedAt = new Date().toISOString();
  const machine = describeMachine();
  const processes = openProcesses({ runWithinSeconds: RUN_SECONDS_MIN + RUN_SECONDS_FACTOR * seconds });
  let opened: Subject | null = null;
  const closing = closeOnSignal(async () => {
    await opened?.close();
    await processes.close();
  });
  try {
    const loader = createLoader(processes);
    const common = { processes, loader, seconds, warmSeconds };
    const [first = 'node'] = runtimes;
    const till = runtimes.includes('node') ? 'node' : first;
    const peers = [createEtcdPeer, createPostgresPeer, createRedisPeer, createNatsPeer].map((create) => create(common));
    const chosen = chosenOf(
      [
        createFloor(common),
        ...runtimes.map((runtime) => createTillSubject({ ...common, runtime })),
        createUnsyncedSubject({ ...common, runtime: till }),
        ...(options.withPeers || options.list ? peers.map(({ subject }) => subject) : []),
      ],
      options.only,
    );
    if (chosen.length === 0) {
      const hint = options.withPeers ? '' : ', some only with --peers';
      throw new UsageError(
        `--only: nothing has ${options.only.map((word) => JSON.stringify(word)).join(' or ')} in its name; --list shows the names${hint}`,
      );
    }
    if (options.list) {
      for (const subject of chosen)
        for (const one of subject.measurements) say(`${fullName(subject, one)}  ${one.title}`);
      return exitCodes.done;
    }

    const chosenPeers = peers.filter(({ subject }) => chosen.some(({ name }) => name === subject.name));
    const missing = chosenPeers.filter((peer) => peer.missing !== null);
    const there = chosen.filter(({ name }) => missing.every(({ subject }) => subject.name !== name));
    const missingLines = missing.flatMap((peer) => peer.missing ?? []);
    if (there.length === 0) throw new Failure(missingLines.join('\n'));
    for (const line of [...machineLines(machine), ...missingLines]) complain(line);
    const onOpen = (subject: Subject | null): void => {
      opened = subject;
    };
    const series = await runRounds(there, { rounds, tell: complain, onOpen });
    const growth: Growth | null =
      options.growth === 0
        ? null
        : await measureGrowth({ ...common, rounds, runtime: till, orders: options.growth, tell: complain });

    const verdicts = [...judge(series, till), ...(growth === null ? [] : judgeGrowth(growth))];
    const report = {
      ...{
        startedAt,
        machine,
        till,
        loader: { title: loader.title, name: loader.name },
        seconds,
        warmSeconds,
        rounds,
        series,
        verdicts,
        growth,
      },
      peers: chosenPeers.filter((peer) => peer.missing === null).map(({ title, notes }) => ({ title, notes })),
      missing: missingLines,
    };
    say(showReport(report, { isMarkdown: options.markdown }));
    for (const file of saveReport(report, options)) complain(`wrote ${file}`);
    const samples = [...series.flatMap((one) => one.samples), ...(growth?.with ?? []), ...(growth?.without ?? [])];
    const failed = samples.reduce((sum, sample) => sum + sample.failed, 0);
    if (failed > 0) complain(`${failed} requests got a wrong answer or none: these figures are not to be trusted`);
    return failed === 0 ? exitCodes.done : exitCodes.failed;
  } catch (error) {
    // What breaks because everything is being stopped is nobody's failure: the signal's own end is near.
    if (closing.isClosing()) await new Promise(() => {});
    throw error;
  } finally {
    if (!closing.isClosing()) await processes.close();
  }
});
