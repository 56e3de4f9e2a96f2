/** What a start leaves behind: half of the young generation that a thread fills while it loads a program is not used again for long. */
import { Session } from 'node:inspector/promises';

/** One full collection, some 100 ms, after which the heap is as large as what it holds. It grows again with the load. */
export const giveBackStartMemory = async (): Promise<void> => {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
};
