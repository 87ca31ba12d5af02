/** Takes the lock of a folder, says how that went, and keeps it until it is told `release`. */
import { createInterface } from 'node:readline';
import { lockFolder } from '@till/shared/folder-lock';

const hold = async (folder: string): Promise<void> => {
  try {
    const lock = await lockFolder(folder, { onLost: (error) => console.log(`lost ${error.message}`) });
    createInterface({ input: process.stdin }).on('line', async () => {
      await lock.release();
      console.log('released');
    });
    console.log('held');
  } catch (error) {
    console.log(`refused ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
    process.exit(0);
  }
};

void hold(process.argv[2] as string);
