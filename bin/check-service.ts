/** Serves one check of the checkout alone. */
import { type CheckName, checkNames } from '@till/checks/names';
import { startCheckService } from '@till/checks/service';
import { catalogUrl, readConfig } from '@till/shared/config';
import { createLogger } from '@till/shared/logger';
import { onStop } from '@till/shared/shutdown';
import { exitCodes, Failure, readOptions, runCommand, UsageError, wholeNumber } from './lib/command.ts';

const help = `
bin/check-service NAME --port P [--catalog URL]

Serves one check of POST /checkout alone, on 127.0.0.1: the same that the front does by itself as long as the setting
does not name a service. SIGINT and SIGTERM end it in order.

  NAME            verification, fraud or suggestions
  --port P        the port; 0 for any that is free, the first line of the log says which
  --catalog URL   whose journal says what was bought; only for suggestions (default: the catalog of PORT_BASE)

  verification    POST /verify     CHECK_VERIFICATION_URL=http://127.0.0.1:P
  fraud           POST /detect     CHECK_FRAUD_URL=http://127.0.0.1:P
  suggestions     POST /suggest    SUGGESTIONS_URL=http://127.0.0.1:P

GET /healthz, /readyz and /metrics as every service has them. LOG_LEVEL says how much it logs; nothing of a checkout is
ever logged.

Exit code: 0 stopped in order, 1 not, 2 called wrongly.
`;

const nameOf = (word: string | undefined): CheckName => {
  const name = checkNames.find((one) => one === word);
  if (name !== undefined) return name;
  const given = word === undefined ? 'nothing' : JSON.stringify(word);
  throw new UsageError(`Cannot serve ${given}: NAME must be ${checkNames.join(', ').replace(/, (\w+)$/, ' or $1')}`);
};

const urlOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text.replace(/\/+$/, '');
  throw new UsageError(`--catalog: ${JSON.stringify(text)} is not an http or https address`);
};

await runCommand(help, async (given) => {
  const { options, words } = readOptions(
    given,
    { port: { type: 'string' }, catalog: { type: 'string' } },
    { wordsMax: 1 },
  );
  const name = nameOf(words[0]);
  if (options.port === undefined) throw new UsageError('Cannot serve without --port');
  const port = wholeNumber('port', options.port, { min: 0, max: 65535 });
  const config = readConfig();
  const catalog = options.catalog === undefined ? catalogUrl(config) : urlOf(options.catalog);
  const logger = createLogger({ service: `check-${name}`, level: config.logLevel });

  const server = await startCheckService({ name, port, catalogUrl: catalog, logger }).catch((error: Error) => {
    throw new Failure(error.message);
  });
  logger.info({ url: server.url }, 'listening');
  onStop(
    async () => {
      logger.info('stopping');
      await server.close();
      logger.info('stopped');
    },
    { onFailure: (error) => logger.error({ error }, 'did not stop cleanly') },
  );
  return exitCodes.done;
});
