/** How a command that has started processes of its own ends when somebody interrupts it. */
import { complain } from './command.ts';

const INTERRUPTED = 130;

/** Ends everything in order when somebody asks for it; asked once more, at once: then the guard ends what is left. */
export const closeOnSignal = (close: () => Promise<void>): { isClosing(): boolean } => {
  let isClosing = false;
  const end = async (): Promise<void> => {
    if (isClosing) process.exit(INTERRUPTED);
    isClosing = true;
    complain('Stopping what was started. Once more ends at once.');
    await close().finally(() => process.exit(INTERRUPTED));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  return { isClosing: () => isClosing };
};
