/** How the list of backtests looks as CSV. */
import { backtestSchema, type Backtest } from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const BACKTESTS: Listing<Backtest> = {
  name: 'backtests',
  item: backtestSchema,
  columns: [
    { name: 'backtestId', value: ({ backtestId }) => backtestId },
    { name: 'model', value: ({ model }) => model },
    { name: 'candidate', value: ({ candidate }) => candidate.version },
    { name: 'champion', value: ({ champion }) => champion.version },
    { name: 'from', value: ({ from }) => from },
    { name: 'to', value: ({ to }) => to },
    { name: 'state', value: ({ state }) => state },
    { name: 'error', value: ({ error }) => error?.code },
    { name: 'rows', value: ({ figures }) => figures?.rows },
    { name: 'agreement', value: ({ figures }) => figures?.agreement },
    { name: 'maxPsi', value: ({ figures }) => figures?.maxPsi },
    { name: 'extraAlarms', value: ({ figures }) => figures?.alarms.extra },
    { name: 'missedAlarms', value: ({ figures }) => figures?.alarms.missed },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
  ],
};
