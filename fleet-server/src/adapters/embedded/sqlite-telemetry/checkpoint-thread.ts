/**
 * The worker thread that copies what is in the log of the telemetry file into the file. As the writer's own work that would hold up
 * every acknowledgement for some tens of milliseconds.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { follow } from '../../../give-way.ts';
import { openForCheckpoint } from './telemetry-file.ts';
import { asFault, type CheckpointJobs, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

/** Opened anew each time: the writer may have set the file aside. @returns pages that came meanwhile */
const checkpoint = (file: string): number => {
  const db = openForCheckpoint(file);
  try {
    const [state] = db.pragma('wal_checkpoint(PASSIVE)') as [{ log: number; checkpointed: number }];
    return state.log - state.checkpointed;
  } finally {
    db.close();
  }
};

const port = parentPort;
if (port !== null) {
  follow();
  const { file } = workerData as { file: string };
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  say({ opened: true, isChecked: false });
  port.on('message', ({ id, job }: ThreadRequest<CheckpointJobs>) => {
    try {
      say({ id, answer: job === 'checkpoint' ? checkpoint(file) : null });
    } catch (error) {
      say({ id, fault: asFault(error) });
    }
  });
}
