/** What people do to alerts. */
import type { Alert } from '@shoal/protocol';
import type { Deed } from '../../../ports/alert-store.ts';
import { FleetError } from '../../../errors.ts';
import type { AlertBook } from './alert-book.ts';
import { alertNoOf, asAlert, type AlertRow } from './alert-rows.ts';

/** @throws FleetError ALERT_NOT_FOUND | ALERT_RESOLVED; inside a transaction */
export const performDeed = (
  { book, mark }: { readonly book: AlertBook; readonly mark: string },
  deed: Deed,
  now: number,
  end: (row: AlertRow) => void,
): Alert => {
  const { alertId, action, request } = deed;
  const row = book.row(alertNoOf(mark, alertId) ?? 0);
  if (row === undefined)
    throw new FleetError('ALERT_NOT_FOUND', `No alert "${alertId}". List them with GET /api/alerts.`);
  const alertNo = row.alert_no;
  if (book.wasRequested(alertNo, request)) return asAlert(mark, row);
  if (action !== 'noted' && row.state === 'resolved') {
    throw new FleetError('ALERT_RESOLVED', `Alert ${alertId} is resolved already.`);
  }
  if (action === 'acknowledged') book.acknowledge(alertNo, deed, now);
  else book.write(alertNo, deed, now);
  if (action === 'resolved') end(row);
  const after = book.byNumber(alertNo);
  if (after === undefined) throw new FleetError('ALERT_NOT_FOUND', `Alert ${alertId} was pending, and is gone.`);
  return after;
};
