/** A logger that keeps its lines, as `warn: the text`. */
import type { Logger } from '@till/shared/logger';

export const createRecordingLogger = (): { logger: Logger; lines: string[] } => {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (fields: object | string, message?: string): void => {
      lines.push(`${level}: ${message ?? String(fields)} ${typeof fields === 'object' ? JSON.stringify(fields) : ''}`);
    };
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
  const logger = {
    ...Object.fromEntries(levels.map((level) => [level, at(level)])),
    child: () => logger,
  } as unknown as Logger;
  return { logger, lines };
};
