/** The documents against the code: what they promise, name and show must be there. */
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckoutMovement, Line, Movement, OrderMovement, RejectionMovement } from '@till/shared/movement';
import { chainHash, seal, unseal, ZERO_HASH } from '@till/shared/sealed';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createFindings } from '../../bin/lib/audit-findings.ts';
import { createJournalAudit } from '../../bin/lib/audit-journal.ts';

const project = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string): string => readFileSync(join(project, path), 'utf8');
const list = (folder: string): string[] =>
  readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(project, join(entry.parentPath, entry.name)));

const sources = list('packages').filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
const serviceSources = sources.filter((path) => path.includes('/src/'));
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...[...list('docs'), ...list('packages')].filter((path) => path.endsWith('.md')),
];

/** First group of every match. */
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
const union = (...parts: string[][]): string[] => [...new Set(parts.flat())].sort();

/** What a heading is called in a link, after GitHub's way. */
const anchorsOf = (text: string): string[] =>
  matches(text.replaceAll(/^```[\s\S]*?^```/gm, ''), /^#+ +(.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('every relative link leads somewhere, to a heading too', () => {
  let links = 0;
  const broken = pages.flatMap((page) =>
    matches(read(page), /\]\(([^)\s]+)\)/g)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        links += 1;
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(project, file))) return true;
        return anchor !== undefined && !anchorsOf(read(file)).includes(anchor);
      })
      .map((target) => `${page}: ${target}`),
  );
  assert.equal(broken, []);
  assert.ok(links > 30, `only ${links} links were found`);
});

test('every path of the repository that a page names is there', () => {
  const missing = pages.flatMap((page) =>
    matches(read(page), /`((?:packages|bin|test|docs|data)\/[\w./-]*\w)`/g)
      // What is made at run time stands in the table of data/README.md instead.
      .filter((path) => !path.startsWith('data/') || path === 'data/seed.json')
      .filter((path) => !existsSync(join(project, path)))
      .map((path) => `${page}: ${path}`),
  );
  assert.equal(missing, []);
});

test('every command that a page names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const known = new Set([
    ...Object.keys(scripts).map((name) => `npm run ${name}`),
    'npm start',
    'npm stop',
    'npm test',
  ]);
  const missing = pages.flatMap((page) => {
    const text = read(page);
    return [
      ...matches(text, /(?<![\w/.-])(bin\/[a-z]+)(?![\w/.*-])/g).filter(
        (path) => path !== 'bin/lib' && !existsSync(join(project, path)),
      ),
      ...matches(text, /\b(npm (?:run [\w-]+|start|stop|test))\b/g).filter((command) => !known.has(command)),
    ].map((command) => `${page}: ${command}`);
  });
  assert.equal(missing, []);
  for (const command of Object.values(scripts).filter((text) => text.startsWith('bin/'))) {
    assert.ok(existsSync(join(project, command.split(' ')[0] ?? '')), `package.json: ${command}`);
  }
});

/** Rows of the tables of a page, by what the first column has in backquotes. */
const firstColumn = (text: string): string[] => matches(text, /^\| `([a-z0-9_]+)` \|/gm);

const literalsOfType = (path: string, name: string): string[] => {
  const declaration = new RegExp(`type ${name} =([^;]*);`).exec(read(path))?.[1] ?? '';
  return matches(declaration, /'([a-z_]+)'/g);
};

/** Reasons as the code makes them: in problems, as the reason of something, or as one word of a function that gives reasons. */
const reasonsInCode = (): string[] => {
  const everywhere = serviceSources
    .map(read)
    .flatMap((text) => [
      ...matches(text, /[Pp]roblem\(\s*\d{3},\s*'([a-z_]+)'/g),
      ...matches(text, /new Unavailable\('([a-z_]+)'/g),
      ...matches(text, /\breason(?: =|:) '([a-z_]+)'/g),
      ...matches(text, /\breason(?: =|:)[^;{}\n]*? \? '([a-z_]+)'/g),
      ...matches(text, /\breason(?: =|:)[^;{}\n]*? : '([a-z_]+)'/g),
    ]);
  const givers = ['batcher.ts', 'cluster-status.ts', 'unavailable.ts'].flatMap((name) => {
    const text = read(`packages/front/src/${name}`);
    return [...matches(text, /return '([a-z_]+)';/g), ...matches(text, /\? null : '([a-z_]+)'/g)];
  });
  const named = [
    ...matches(read('packages/front/src/batcher.ts'), /NO_ANSWER = '([a-z_]+)'/g),
    ...matches(read('packages/order/src/main.ts'), /\? '([a-z_]+)'/g),
    // A part of a request that the contract does not allow.
    ...matches(read('packages/shared/src/handler.ts'), /checked\('([a-z]+)'/g).map((part) => `invalid_${part}`),
  ];
  return union(
    everywhere,
    givers,
    named,
    literalsOfType('packages/order/src/replica/types.ts', 'Refusal'),
    literalsOfType('packages/front/src/election/types.ts', 'NoLeader'),
  );
};

test('docs/errors.md has every reason that the code gives, and no other', () => {
  const inCode = reasonsInCode();
  assert.ok(inCode.length > 35, `only ${inCode.length} reasons were found in the code`);
  assert.equal(union(firstColumn(read('docs/errors.md'))), inCode);
});

test('docs/errors.md gives the status that the code gives', () => {
  const given = new Map<string, Set<string>>();
  for (const [, status = '', reason = ''] of serviceSources
    .map(read)
    .flatMap((text) => [...text.matchAll(/[Pp]roblem\(\s*(\d{3}),\s*'([a-z_]+)'/g)])) {
    given.set(reason, (given.get(reason) ?? new Set()).add(status));
  }
  const told = [...read('docs/errors.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)];
  const wrong = told.filter(([, reason = '', status = '']) => given.has(reason) && !given.get(reason)?.has(status));
  assert.equal(
    wrong.map(([row]) => row),
    [],
  );
  assert.ok(told.length > 20, `only ${told.length} rows with a status were found`);
});

/** The lines of the example after a mark in docs/log-format.md. */
const exampleLines = (mark: string): string[] => {
  const found = new RegExp(`<!-- ${mark} -->\\s+\`\`\`json\\n([\\s\\S]*?)\\n\`\`\``).exec(read('docs/log-format.md'));
  return (found?.[1] ?? '').split('\n').filter((line) => line !== '');
};

/** Bodies of lines that are undamaged and follow from each other from the first on. */
const chainedBodies = (lines: string[]): string[] => {
  let previous = ZERO_HASH;
  return lines.map((line, at) => {
    const unsealed = unseal(line);
    assert.ok(unsealed, `line ${at + 1} is damaged`);
    assert.is(unsealed.hash, chainHash(previous, unsealed.body), `line ${at + 1} does not follow from the one before`);
    assert.is(line, seal(previous, unsealed.body).line);
    previous = unsealed.hash;
    return unsealed.body;
  });
};

type AnyEntry = { index: number; term: number; start?: true; sequence?: number; movement?: { sequence: number } };

test('the journal in docs/log-format.md is one: chained, numbered, with every kind of movement', () => {
  const movements = chainedBodies(exampleLines('journal')).map(
    (body) => JSON.parse(body) as { sequence: number; kind: string },
  );
  assert.equal(
    movements.map(({ sequence }) => sequence),
    movements.map((_, at) => at + 1),
  );
  const kinds = matches(read('packages/shared/src/movement.ts'), /kind: '([a-z]+)'(?! \|)/g);
  assert.equal(union(movements.map(({ kind }) => kind)), union(kinds));
});

test('the journal in docs/log-format.md passes the audit', () => {
  const findings = createFindings();
  const audit = createJournalAudit(findings);
  chainedBodies(exampleLines('journal')).forEach((body, at) => {
    audit.take(JSON.parse(body) as Movement, at + 1);
  });
  const { orders, cancelled, checkouts, outbox } = audit.finish();
  assert.equal(findings.problems(), []);
  assert.equal([orders, cancelled, checkouts.placed, outbox.length], [5, 1, 1, 1]);
});

test('the fingerprints in docs/log-format.md are made as it says', () => {
  const listed = (lines: Line[]) => lines.map(({ name, quantity }) => [name.normalize('NFC').toLowerCase(), quantity]);
  const canonicalOf = (movement: OrderMovement | RejectionMovement | CheckoutMovement): unknown[] => {
    if (movement.kind === 'checkout') {
      const { lines, customer, card } = movement.checkout;
      return [listed(lines), customer, card];
    }
    const { lines, type = null, many = false, orderId = null, customer = null } = movement.order;
    const isNamed = orderId !== null || customer !== null;
    return [many, type, listed(lines), ...(isNamed ? [orderId, customer] : [])];
  };
  const movements = chainedBodies(exampleLines('journal'))
    .map((body) => JSON.parse(body) as Movement)
    .filter((movement) => 'fingerprint' in movement);
  for (const movement of movements) {
    const due = hash('sha256', JSON.stringify(canonicalOf(movement)), 'hex').slice(0, 32);
    assert.is(movement.fingerprint, due, `movement ${movement.sequence}`);
  }
  assert.is(movements.length, 7);
});

test('every kind and field of the movements in docs/log-format.md stands in its tables', () => {
  const text = read('docs/log-format.md');
  const section = /## Journal: movements([\s\S]*?)### An example/.exec(text)?.[1] ?? '';
  const told = new Set(matches(section, /`([a-zA-Z]+)`/g));
  for (const body of chainedBodies(exampleLines('journal'))) {
    const movement = JSON.parse(body) as Movement;
    for (const name of [movement.kind, ...Object.keys(movement)]) assert.ok(told.has(name), name);
  }
});

test('the log in docs/log-format.md is one: chained, numbered, with the very movements of the journal', () => {
  const journal = chainedBodies(exampleLines('journal'));
  const bodies = chainedBodies(exampleLines('log'));
  let sequence = 0;
  bodies.forEach((body, at) => {
    const entry = JSON.parse(body) as AnyEntry;
    assert.is(entry.index, at + 1);
    if (entry.start === true) assert.is(entry.sequence, sequence);
    else {
      sequence += 1;
      const due = `{"index":${entry.index},"term":${entry.term},"movement":${journal[sequence - 1]}}`;
      assert.is(body, due);
    }
  });
  assert.is(sequence, journal.length);
});

test('the check by hand in docs/log-format.md tells what it says', () => {
  const line = exampleLines('journal')[2] ?? '';
  const [hash, crc] = matches(line, /"(?:hash|crc)":"([0-9a-f]+)"/g);
  const last = read('docs/log-format.md').trimEnd().split('\n').at(-1) ?? '';
  assert.equal(matches(last, /`([0-9a-f]+)`/g), [hash, crc]);
});

test('every message between replicas stands in the table of docs/replication.md, and no other', () => {
  const declaration =
    /export type Message =([\s\S]*?);\n\n/.exec(read('packages/order/src/replica/types.ts'))?.[1] ?? '';
  const types = union(matches(declaration, /type: '([a-z_]+)'/g));
  assert.ok(types.length >= 5, `only ${types.length} messages were found in the code`);
  const table = /## Messages between replicas([\s\S]*?)\n## /.exec(read('docs/replication.md'))?.[1] ?? '';
  assert.equal(union(firstColumn(table)), types);
});

test('every phase of a leader stands in the picture of docs/replication.md', () => {
  const declaration = /export type Phase =([\s\S]*?);\n\n/.exec(read('packages/order/src/replica/state.ts'))?.[1] ?? '';
  const phases = matches(declaration, /'([a-z_]+)'/g);
  const picture = /## States of a replica([\s\S]*?)\n## /.exec(read('docs/replication.md'))?.[1] ?? '';
  assert.ok(phases.length >= 6, `only ${phases.length} phases were found in the code`);
  for (const phase of phases) assert.ok(picture.includes(phase), phase);
});

test('docs/replication.md has every rule that can be switched off, and no other', () => {
  const names = [
    'packages/order/src/replica/state.ts',
    'packages/order/src/outbox/core/types.ts',
    'packages/front/src/election/types.ts',
    'packages/front/src/cache/types.ts',
    'packages/catalog/src/stock/types.ts',
    'test/sim/nodes/catalog.ts',
    'test/sim/nodes/outbox.ts',
  ];
  const inCode = names.flatMap((path) =>
    matches(/_RULES = \[([\s\S]*?)\] as const/.exec(read(path))?.[1] ?? '', /'([a-zA-Z]+)'/g),
  );
  const table = /\| rule \| without it \| closes \|([\s\S]*?)\n\n/.exec(read('docs/replication.md'))?.[1] ?? '';
  const inTable = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) => matches(cell, /`([a-zA-Z]+)`/g));
  assert.ok(inCode.length > 20, `only ${inCode.length} rules were found in the code`);
  assert.equal(union(inTable), union(inCode));
});

test('every hazard that is named by number stands in docs/replication.md', () => {
  const told = new Set(matches(read('docs/replication.md'), /^\| (H\d+) \|/gm));
  const files = [...list('packages'), ...list('test'), ...list('bin')].filter((path) => /\.(ts|md)$/.test(path));
  const named = files.flatMap((path) =>
    matches(read(path), /\b(H\d+)\b/g)
      .filter((hazard) => !told.has(hazard))
      .map((hazard) => `${path}: ${hazard}`),
  );
  assert.equal(union(named), []);
});

test('decisions are numbered from 001 without gaps, and say context, decision and consequences', () => {
  const names = readdirSync(join(project, 'docs/decisions')).sort();
  names.forEach((name, at) => {
    const number = String(at + 1).padStart(3, '0');
    assert.match(name, new RegExp(`^${number}-[a-z0-9-]+\\.md$`));
    const text = read(`docs/decisions/${name}`);
    assert.ok(text.startsWith(`# ${number} `), name);
    for (const part of ['**Context.**', '**Decision.**', '**Consequences.**']) assert.ok(text.includes(part), name);
  });
});

test('pictures are well-formed and follow the dark scheme', () => {
  for (const path of list('docs').filter((name) => name.endsWith('.svg'))) {
    const text = read(path);
    const open: string[] = [];
    for (const [, closing, name = '', , self] of text.matchAll(/<(\/?)([a-z]+)((?:\s[^<>]*?)?)(\/?)>/gi)) {
      if (closing === '/') assert.is(open.pop(), name, path);
      else if (self !== '/') open.push(name);
    }
    assert.equal(open, [], path);
    assert.ok(text.includes('prefers-color-scheme: dark'), path);
  }
});

test.run();
