/** Tickets and turns of the queue with everything that a test does not care about. */
import type { PredictionAnswer } from '@shoal/protocol';
import type { LeasedRun, NewTicket, QueueTurn, SettledRun } from '../src/ports/prediction-queue.ts';

export const NOW = Date.UTC(2026, 4, 20, 12);
export const LEASE_MS = 60_000;
const DAY_MS = 86_400_000;

let made = 0;

export const ticketId = (): string => {
  made += 1;
  return `p-${made.toString(16).padStart(20, '0')}`;
};

/** About no entity. */
export const newTicket = (part: Partial<NewTicket> = {}): NewTicket => ({
  ticketId: ticketId(),
  model: 'pump-risk',
  version: '1.0.0',
  entity: null,
  featureVersion: null,
  asked: Buffer.from('{"inputs":[]}', 'utf8'),
  isShareable: false,
  priority: 5,
  createdAt: NOW,
  expiresAt: NOW + DAY_MS,
  freshSince: Infinity,
  webhook: null,
  key: null,
  ...part,
});

export const about = (entity: string, part: Partial<NewTicket> = {}): NewTicket =>
  newTicket({ entity, featureVersion: 'a'.repeat(64), isShareable: true, ...part });

export const turn = (part: Partial<QueueTurn> = {}): QueueTurn => {
  const now = part.now ?? NOW;
  return { now, settled: [], renewed: [], leaseUntil: now + LEASE_MS, rows: 0, rowsOfModel: 1_000, rooms: [], ...part };
};

export const answerOf = (value: number): PredictionAnswer => ({
  prediction: [value],
  outputs: [{ name: 'y', shape: [1], datatype: 'FP32', data: [value] }],
  parameters: { source: 'server' },
});

export const answered = ({ runNo, fence }: LeasedRun, value = 0.5): SettledRun => ({
  runNo,
  fence,
  outcome: { kind: 'answered', answer: answerOf(value) },
});

export const failed = ({ runNo, fence }: LeasedRun): SettledRun => ({
  runNo,
  fence,
  outcome: { kind: 'failed', error: { code: 'INPUT_BREAKS_MODEL', message: 'it does', retryable: false } },
});

export const again = ({ runNo, fence }: LeasedRun, dueAt: number, isFailure = true): SettledRun => ({
  runNo,
  fence,
  outcome: { kind: 'again', dueAt, isFailure, error: { code: 'ENGINE_CRASHED', message: 'it did', retryable: true } },
});
