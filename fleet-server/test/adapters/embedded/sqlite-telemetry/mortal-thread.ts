/** A thread for tests of the link: answers, or dies, as it is told. */
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort;
port?.postMessage({ opened: true });
port?.on('message', ({ id, job }: { id: number; job: string }) => {
  if (job === 'close') port.postMessage({ id, answer: null });
  if (job === 'die') process.exit(1);
  if (job === 'throw') throw new Error('out of order');
  if (job === 'data') port.postMessage({ id, answer: workerData as unknown });
  if (job === 'fail') port.postMessage({ id, fault: { code: 'SQLITE_FULL', message: 'full' } });
});
