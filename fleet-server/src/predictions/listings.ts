/** How lists of tickets look as CSV. */
import { predictionTicketSchema, type PredictionTicket } from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const TICKETS: Listing<PredictionTicket> = {
  name: 'predictions',
  item: predictionTicketSchema,
  columns: [
    { name: 'id', value: ({ id }) => id },
    { name: 'state', value: ({ state }) => state },
    { name: 'model', value: ({ model }) => model },
    { name: 'version', value: ({ version }) => version },
    { name: 'entity', value: ({ entity }) => entity },
    { name: 'featureVersion', value: ({ featureVersion }) => featureVersion },
    { name: 'priority', value: ({ priority }) => priority },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'expiresAt', value: ({ expiresAt }) => expiresAt },
    { name: 'startedAt', value: ({ startedAt }) => startedAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
    { name: 'attempts', value: ({ attempts }) => attempts },
    { name: 'answers', value: ({ answers }) => answers },
    { name: 'prediction', value: ({ answer }) => answer && JSON.stringify(answer.prediction) },
    { name: 'parameters', value: ({ answer }) => answer && JSON.stringify(answer.parameters) },
    { name: 'errorCode', value: ({ error }) => error?.code },
    { name: 'errorMessage', value: ({ error }) => error?.message },
  ],
};
