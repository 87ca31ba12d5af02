/** What a client run is asked to do. */
import { frontUrl, readConfig } from '@till/shared/config';
import { readOptions, share, UsageError, wholeNumber } from './command.ts';

export type ClientOptions = {
  url: string;
  clients: number;
  /** Products that each client looks up. */
  requests: number;
  /** One run for each of these. */
  probabilities: number[];
  seed: number;
  thinkMs: number;
  retryForMs: number;
  jsonFile: string | null;
  reportFolder: string | null;
};

const SEED_MAX = 2 ** 32 - 1;

export const readClientOptions = (words: string[], freshSeed: () => number): ClientOptions => {
  const { options } = readOptions(words, {
    url: { type: 'string' },
    clients: { type: 'string' },
    requests: { type: 'string' },
    probability: { type: 'string' },
    seed: { type: 'string' },
    think: { type: 'string' },
    sweep: { type: 'string' },
    'retry-for': { type: 'string' },
    json: { type: 'string' },
    report: { type: 'string' },
  });
  if (options.sweep !== undefined && options.probability !== undefined) {
    throw new UsageError('--sweep and --probability: give one of them');
  }
  return {
    url: options.url === undefined ? frontUrl(readConfig()) : readUrl(options.url),
    clients: wholeNumber('clients', options.clients ?? '5', { min: 1, max: 1000 }),
    requests: wholeNumber('requests', options.requests ?? '50', { min: 1, max: 1_000_000 }),
    probabilities:
      options.sweep === undefined
        ? [share('probability', options.probability ?? '0.6')]
        : options.sweep.split(',').map((text) => share('sweep', text.trim())),
    seed: options.seed === undefined ? freshSeed() : wholeNumber('seed', options.seed, { min: 0, max: SEED_MAX }),
    thinkMs: wholeNumber('think', options.think ?? '0', { min: 0, max: 600_000 }),
    retryForMs: wholeNumber('retry-for', options['retry-for'] ?? '10000', { min: 0, max: 3_600_000 }),
    jsonFile: options.json ?? null,
    reportFolder: options.report ?? null,
  };
};

const readUrl = (text: string): string => {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:') {
    throw new UsageError(`--url: ${JSON.stringify(text)} is not a URL that begins with http://`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
};
