/** One ticket on the terminal: waited for, and shown. */
import { predictionIdSchema, predictionTicketSchema, type PredictionTicket } from '@shoal/protocol';
import { InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { cliError, type CliErrorCode } from './errors.ts';
import { instantText } from './moments.ts';
import { factsOf, type Cell } from './table.ts';

/** Shorter than the time a command waits for an answer of the server. */
const WAIT_AT_ONCE_S = 5;
const MS_PER_SECOND = 1_000;

/** Argument parser. */
export const predictionId = (text: string): string => {
  if (predictionIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A ticket is "p-" and 20 hex digits.');
};

export const isOpen = ({ state }: PredictionTicket): boolean => state === 'queued' || state === 'running';

/** Looks until the ticket is final, the time is over, or the person wants out. */
export const waited = async (
  context: CommandContext,
  ticket: PredictionTicket,
  waitS: number,
): Promise<PredictionTicket> => {
  const { api, signal, now } = context;
  const until = now() + waitS * MS_PER_SECOND;
  let seen = ticket;
  while (isOpen(seen) && now() < until && !signal.aborted) {
    const wait = Math.min(WAIT_AT_ONCE_S, (until - now()) / MS_PER_SECOND);
    seen = await api.call({ path: ticket.links.self, query: { wait }, answer: predictionTicketSchema });
  }
  return seen;
};

const valueText = (prediction: readonly unknown[]): string => prediction.map((row) => JSON.stringify(row)).join(' ');

/** In a line of a table, or `-`. */
export const outcomeText = ({ answer, error }: PredictionTicket): string | null =>
  answer === null ? (error?.code ?? null) : valueText(answer.prediction);

export const showTicket = ({ terminal, json }: CommandContext, ticket: PredictionTicket): void => {
  if (json) return terminal.json(ticket);
  const { id, state, model, version, entity, createdAt, finishedAt, attempts, answer, error } = ticket;
  const facts: (readonly [string, Cell])[] = [
    ['ticket', id],
    ['state', state],
    ['model', `${model} ${version}`],
    ['entity', entity],
    ['submitted', instantText(createdAt)],
    ['took', finishedAt === null ? null : `${finishedAt - createdAt} ms`],
    ['attempts', attempts],
    ['prediction', answer === null ? null : valueText(answer.prediction)],
    ['error', error === null ? null : `${error.code}: ${error.message}`],
  ];
  terminal.data(factsOf(terminal, facts));
};

const FAULTS: Partial<Readonly<Record<PredictionTicket['state'], CliErrorCode>>> = {
  failed: 'PREDICTION_FAILED',
  canceled: 'PREDICTION_FAILED',
  expired: 'PREDICTION_FAILED',
  queued: 'PREDICTION_OPEN',
  running: 'PREDICTION_OPEN',
};

/** @throws CliError PREDICTION_FAILED | PREDICTION_OPEN unless it was answered */
export const requireAnswer = ({ id, state, error }: PredictionTicket): void => {
  const fault = FAULTS[state];
  if (fault !== undefined) throw cliError(fault, `Ticket ${id} is ${state}${error ? `: ${error.message}` : ''}.`);
};
