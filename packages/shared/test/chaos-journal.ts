/** Appends one line after the other to a journal whose process kills itself at every second passing of a place. */
import { createChaos } from '@till/shared/chaos';
import { readConfig } from '@till/shared/config';
import { openJournal } from '@till/shared/journal';
import { diskFiles } from '@till/shared/journal-files';
import { createLogger } from '@till/shared/logger';
import { seal } from '@till/shared/sealed';

const [path = '', point = ''] = process.argv.slice(2);
const config = readConfig({ CHAOS: '1', CHAOS_CRASH_EVERY: '2', CHAOS_CRASH_AT: point });
const chaos = createChaos(config, { service: 'catalog', logger: createLogger({ service: 'catalog', level: 'info' }) });
const journal = await openJournal({ path, files: chaos.files(diskFiles) });
for (let number = 1; number <= 3; number += 1) {
  await journal.append([seal(journal.lastHash, `{"number":${number}}`).line]);
  console.log(`told of ${number}`);
}
