/** Which tests there are, and how each is run. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectFolder, tool } from './project.ts';

export type TestTask = {
  /** As it is shown, and as --only finds it. */
  name: string;
  command: string[];
  /** How the outcome is told: uvu counts its tests, anything else is one test with an exit code. */
  counts: 'uvu' | 'exit code';
  deadlineMs: number;
  /** Runs while nothing else does. */
  alone: boolean;
  /** Part of the gate before a commit. */
  quick: boolean;
  /** Counts for the coverage of the pure cores. */
  covers: boolean;
};

const FOLDERS = ['packages', 'test', 'bin'];

/** Folders in which every line must be run by a test: the pure cores. */
export const coveredFolders = Object.freeze([
  'packages/catalog/src/stock',
  'packages/front/src/cache',
  'packages/front/src/election',
  'packages/order/src/replica',
  'packages/order/src/outbox/core',
]);

/** What runs on the other runtimes too: code whose outcome may depend on the runtime. */
const otherRuntimes: { name: string; command: string[]; folders: string[] }[] = [
  { name: 'bun', command: [tool('bun')], folders: ['packages/shared/', 'packages/checks/'] },
  {
    name: 'deno',
    command: [tool('deno'), 'run', '--allow-all', '--no-lock', '--quiet'],
    folders: ['packages/shared/', 'packages/checks/'],
  },
];

const DEADLINE_MS = 120_000;
const SLOW_DEADLINE_MS = 900_000;

const findTestFiles = (): string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(projectFolder, folder), { recursive: true, withFileTypes: true })
      .filter(
        (entry) => entry.isFile() && entry.name.endsWith('.test.ts') && !entry.parentPath.includes('node_modules'),
      )
      .map((entry) => relative(projectFolder, join(entry.parentPath, entry.name))),
  ).sort();

const isSlow = (file: string): boolean => file.endsWith('.slow.test.ts') || file.startsWith('test/system/');

const fileTask = (file: string): TestTask => ({
  name: file,
  command: [tool('node'), file],
  counts: 'uvu',
  deadlineMs: isSlow(file) ? SLOW_DEADLINE_MS : DEADLINE_MS,
  alone: isSlow(file),
  quick: !isSlow(file),
  covers:
    !isSlow(file) && [...coveredFolders, 'test/sim', 'test/scenarios'].some((folder) => file.startsWith(`${folder}/`)),
});

const checkTask = (name: string, command: string[]): TestTask => ({
  name,
  command,
  counts: 'exit code',
  deadlineMs: DEADLINE_MS,
  alone: false,
  quick: true,
  covers: false,
});

export const findTests = (): TestTask[] => {
  const files = findTestFiles();
  return [
    checkTask('types', [tool('tsc'), '--noEmit', '--project', '.']),
    checkTask('style', [tool('biome'), 'check', '--error-on-warnings', '.']),
    ...files.map(fileTask),
    ...otherRuntimes.flatMap(({ name, command, folders }) =>
      files
        .filter((file) => !isSlow(file) && folders.some((folder) => file.startsWith(folder)))
        .map((file) => ({
          ...fileTask(file),
          name: `${name} ${file}`,
          command: [...command, file],
          quick: false,
          covers: false,
        })),
    ),
  ];
};

export const coverageTask = (profileFolder: string): TestTask => ({
  ...checkTask('coverage of the pure cores', [
    tool('node'),
    'node_modules/c8/bin/c8.js',
    'report',
    '--all',
    '--temp-directory',
    profileFolder,
    '--reporter',
    'text',
    ...coveredFolders.flatMap((folder) => ['--src', folder, '--include', `${folder}/**/*.ts`]),
    '--exclude',
    '**/*.test.ts',
    // Nothing but types, which are gone when the code runs.
    '--exclude',
    '**/types.ts',
    '--check-coverage',
    '--lines',
    '100',
  ]),
  alone: true,
});
