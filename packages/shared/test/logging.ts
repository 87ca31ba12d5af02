/** Logs a few lines and ends at once. */
import { createLogger } from '@till/shared/logger';

const logger = createLogger({ service: 'order-2', level: 'info' });
logger.debug('not to be seen');
logger.info({ term: 3 }, 'Took over');
logger.child({ peer: 1 }).error({ error: new Error('gone') }, 'Lost a peer');
process.exit(0);
