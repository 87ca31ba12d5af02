/** Logs: one JSON object a line, to standard output, written before the call returns, so that the last words are not lost. */
import { pino } from 'pino';
import type { Config } from './config.ts';

/** As pino has it: `logger.info({ term: 3 }, 'Took over')`. */
export type Logger = {
  [Level in 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal']: {
    (fields: object, message?: string): void;
    (message: string): void;
  };
} & { child(fields: Record<string, unknown>): Logger };

export const createLogger = ({ service, level }: { service: string; level: Config['logLevel'] }): Logger =>
  pino(
    {
      level,
      base: { service, pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      errorKey: 'error',
    },
    pino.destination({ fd: 1, sync: true }),
  );

/** For tests, and for parts that are used without a service around them. */
export const silentLogger: Logger = pino({ level: 'silent' });
