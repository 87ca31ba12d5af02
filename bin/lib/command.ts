/**
 * What every command has in common: help, options, and how it ends.
 *
 * Exit codes: 0 done, 1 it did not work out, 2 the command was called wrongly or the settings are wrong.
 */
import { parseArgs } from 'node:util';
import { ConfigError } from '@till/shared/config';

/** The command was called wrongly: the text names the value and what is allowed. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** It did not work out, and the text says all that the user needs; no stack. */
export class Failure extends Error {
  override name = 'Failure';
}

export const exitCodes = Object.freeze({ done: 0, failed: 1, usage: 2 });

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const complain = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** Runs a command to its exit code. A reader that went away (`| head`) is no error. */
export const runCommand = async (help: string, main: (words: string[]) => Promise<number>): Promise<void> => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const words = process.argv.slice(2);
  if (words.includes('--help') || words.includes('-h')) {
    say(help.trim());
    return;
  }
  try {
    process.exitCode = await main(words);
  } catch (error) {
    process.exitCode = describeFailure(error, help);
  }
};

const describeFailure = (error: unknown, help: string): number => {
  if (error instanceof UsageError) {
    const command = /bin\/[a-z-]+/.exec(help)?.[0] ?? '';
    complain(`${error.message}\nTry: ${command} --help`);
    return exitCodes.usage;
  }
  if (error instanceof ConfigError) {
    complain(error.message);
    return exitCodes.usage;
  }
  complain(error instanceof Failure ? error.message : error instanceof Error ? String(error.stack) : String(error));
  return exitCodes.failed;
};

type OptionKind = { type: 'string' | 'boolean' };
type Given<Options extends Record<string, OptionKind>> = {
  [Name in keyof Options]?: Options[Name]['type'] extends 'boolean' ? boolean : string;
};

/** The options as texts, and the words that are none. An unknown option, or one without its value, is a usage error. */
export const readOptions = <const Options extends Record<string, OptionKind>>(
  words: string[],
  options: Options,
  { wordsMax = 0 }: { wordsMax?: number } = {},
): { options: Given<Options>; words: string[] } => {
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: words, options, allowPositionals: true, strict: true });
    } catch (error) {
      throw new UsageError(`Cannot read the options: ${(error as Error).message.split('. ')[0]}`);
    }
  })();
  const extra = positionals[wordsMax];
  if (extra !== undefined) throw new UsageError(`Cannot use ${JSON.stringify(extra)}: not an option of this command`);
  return { options: values as Given<Options>, words: positionals };
};

/** The whole number that an option was given as. */
export const wholeNumber = (option: string, text: string, { min, max }: { min: number; max: number }): number => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${option}: ${JSON.stringify(text)} is not a whole number from ${min} to ${max}`);
};

/** A number from 0 to 1. */
export const share = (option: string, text: string): number => {
  const value = /^\d*\.?\d+$|^\d+\.$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw new UsageError(`--${option}: ${JSON.stringify(text)} is not a number from 0 to 1`);
};
