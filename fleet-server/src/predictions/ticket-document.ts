/** A ticket as the API, MQTT and the live feed show it. */
import type { PredictionTicket } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import type { StoredTicket } from '../ports/prediction-queue.ts';

const OPEN: ReadonlySet<string> = new Set(['queued', 'running']);

export const isFinal = ({ state }: Pick<StoredTicket, 'state'>): boolean => !OPEN.has(state);

export const ticketPath = (ticketId: string): string => `/api/predictions/${ticketId}`;

export const ticketDocument = ({ ticketId, ...ticket }: StoredTicket): PredictionTicket => {
  const self = ticketPath(ticketId);
  const links = { self, events: `${self}/events`, cancel: `${self}/cancel`, retry: `${self}/retry` };
  return { id: ticketId, ...ticket, links };
};

export const queueFull = (open: number): FleetError =>
  new FleetError('PREDICTION_QUEUE_FULL', `${open} tickets are open; send it again when some are answered.`);
