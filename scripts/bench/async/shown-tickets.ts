/** Every ticket as the API shows it in the end, held against what was acknowledged and what was heard. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { PredictionTicket } from '@shoal/protocol';
import { isRight } from './asked-load.ts';
import type { HeardAnswer } from './heard-answers.ts';

export interface ShownVerdict {
  readonly shown: number;
  /** Acknowledged, and not there or without an answer. */
  readonly unanswered: number;
  /** Heard more than once, heard otherwise than it is shown, or shown more than once. */
  readonly answeredTwice: number;
  readonly wrong: number;
  readonly heard: number;
}

interface Evidence {
  readonly httpUrl: string;
  /** Ticket by request. */
  readonly acknowledged: ReadonlyMap<number, string>;
  readonly heard: ReadonlyMap<string, readonly HeardAnswer[]>;
}

const readAll = async (httpUrl: string, see: (ticket: PredictionTicket) => void): Promise<void> => {
  const response = await fetch(`${httpUrl}/api/predictions?format=ndjson&order=asc`);
  if (!response.ok || response.body === null) throw new Error(`The list of tickets answered ${response.status}.`);
  for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (line !== '') see(JSON.parse(line) as PredictionTicket);
  }
};

const isSame = (heard: HeardAnswer, { state, attempts, finishedAt }: PredictionTicket): boolean =>
  heard.state === state && heard.attempts === attempts && heard.finishedAt === finishedAt;

export const compareShown = async ({ httpUrl, acknowledged, heard }: Evidence): Promise<ShownVerdict> => {
  const requestOfTicket = new Map([...acknowledged].map(([index, ticket]) => [ticket, index]));
  const verdict = { shown: 0, answeredTwice: 0, wrong: 0 };
  const answered = new Set<string>();
  await readAll(httpUrl, (ticket) => {
    verdict.shown += 1;
    const { id, state, answer, answers } = ticket;
    const told = heard.get(id) ?? [];
    const isOnce = !answered.has(id) && answers <= 1 && told.length <= 1 && told.every((each) => isSame(each, ticket));
    if (!isOnce) verdict.answeredTwice += 1;
    const index = requestOfTicket.get(id);
    if (state !== 'succeeded' || answer === null || answers < 1 || index === undefined) return;
    answered.add(id);
    if (!isRight(index, answer.prediction)) verdict.wrong += 1;
  });
  const unanswered = [...acknowledged.values()].filter((id) => !answered.has(id)).length;
  return { ...verdict, unanswered, heard: heard.size };
};
