/** The frame of every service's process: settings, log, the one lock of its folder, a start that fails clearly, an orderly end. */
import { join } from 'node:path';
import { type Chaos, createChaos } from './chaos.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { makeFolder, removeTemporaries } from './files.ts';
import { lockFolder } from './folder-lock.ts';
import { createLogger, type Logger } from './logger.ts';
import { createOrderLog, type OrderLog } from './order-log.ts';
import { onStop } from './shutdown.ts';

export type ServiceContext = {
  config: Config;
  /** The folder that this service owns, locked for this process. */
  folder: string;
  logger: Logger;
  /** Harm on purpose, as the settings ask for it: to be put around what serves and what stores. */
  chaos: Chaos;
  /** Where each step of each order is said; null unless LOG_ORDERS is on. */
  orderLog: OrderLog | null;
  /** Ends the process at once with 1: its state cannot be relied on. What was acknowledged is on disk. */
  fail(error: unknown): void;
};

/** What runs: `stop` finishes what is under way and closes everything, within the time that stopping may take. */
export type RunningService = { stop(): Promise<void> };

/**
 * Runs a service until it is asked to stop. `name` gives the name in the logs and of its folder, or the problem that makes
 * the settings unusable. Wrong settings exit with 2, everything else that goes wrong with 1.
 */
export const runService = (
  name: (config: Config) => string | { problem: string },
  start: (context: ServiceContext) => Promise<RunningService>,
): void => {
  const { config, service } = settingsOrExit(name);
  const logger = createLogger({ service, level: config.logLevel });
  const fail = (error: unknown): void => {
    if (error instanceof ConfigError) exitWith(error);
    logger.fatal({ error }, error instanceof Error ? error.message : String(error));
    process.exit(1);
  };
  // A limit on file sizes shows as a failed write, which is handled where it is made, instead of killing the process.
  process.on('SIGXFSZ', () => logger.error('a write went over the limit on file sizes'));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);

  const open = async (): Promise<RunningService> => {
    const folder = join(config.dataDir, service);
    await makeFolder(folder);
    const lock = await lockFolder(folder, { onLost: fail });
    await removeTemporaries(folder);
    const chaos = createChaos(config, { service, logger });
    const orderLog = createOrderLog(config, logger);
    const running = await start({ config, folder, logger, chaos, orderLog, fail });
    logger.info('ready');
    return {
      async stop() {
        logger.info('stopping');
        await running.stop();
        await lock.release();
        logger.info('stopped');
      },
    };
  };
  const opening = open();
  opening.catch(fail);
  onStop(async () => (await opening).stop(), { onFailure: (error) => logger.error({ error }, 'did not stop cleanly') });
};

const settingsOrExit = (
  name: (config: Config) => string | { problem: string },
): { config: Config; service: string } => {
  try {
    const config = readConfig();
    const service = name(config);
    if (typeof service === 'string') return { config, service };
    throw new ConfigError([service.problem]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return exitWith(error);
  }
};

const exitWith = ({ message }: ConfigError): never => {
  process.stderr.write(`${message}\n`);
  process.exit(2);
};
