/** Waiting for what will become true, without guessing how long it takes. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isModelError } from '@shoal/models';

const POLLS = 1_000;

/** Polls; throws when the condition does not come to hold. */
export const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let poll = 0; poll < POLLS; poll += 1) {
    if (await holds()) return;
    await delay(20);
  }
  throw new Error('What was waited for never came');
};

/** The code of the error a promise rejects with; fails when it resolves. */
export const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isModelError(error) ? error.code : error),
  );

export const thrownCode = (run: () => unknown): unknown => {
  try {
    run();
    return 'returned';
  } catch (error) {
    return isModelError(error) ? error.code : error;
  }
};

/** Whether a process with this id exists and is no zombie. */
export const isAlive = async (pid: number): Promise<boolean> => {
  try {
    return !(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z ');
  } catch {
    return false;
  }
};
