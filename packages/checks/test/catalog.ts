/** What suggestions need of a catalog, as a server: the history of a journal in memory. */
import { catalogContract } from '@till/shared/contract';
import { createHandler } from '@till/shared/handler';
import { type Listening, serve } from '@till/shared/serve';
import { createServiceRouter } from '@till/shared/service-router';
import type { MemoryJournal } from './journal.ts';

export const startJournalServer = (journal: MemoryJournal, port = 0): Promise<Listening> => {
  const { history } = catalogContract;
  const { fetch } = createServiceRouter({
    routes: [
      {
        ...history,
        handler: createHandler(history, ({ query: { after, limit = 1000 } }) => journal.history({ after, limit })),
      },
    ],
    whyNotReady: () => null,
    metrics: { contentType: 'text/plain', text: async () => '' },
    onError: (error) => {
      throw error;
    },
  });
  return serve({ fetch, port, hostname: '127.0.0.1' });
};
