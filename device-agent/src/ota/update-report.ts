/** What the fleet is told of an update. Pure. */
import type { UpdateReport } from '@shoal/protocol/wire';
import { agreementPpm } from './shadow.ts';
import type { ModelRecord, Update } from './update-record.ts';

const shadowOf = ({ shadow }: Update): UpdateReport['shadow'] =>
  shadow && {
    windows: shadow.windows,
    agreementPpm: agreementPpm(shadow),
    ...(shadow.p95Ms !== undefined && { p95Ms: shadow.p95Ms }),
  };

/** Undefined for a model that was never updated. `doneBytes`: of a download under way. */
export const reportOf = ({ update, floor }: ModelRecord, doneBytes: number | undefined): UpdateReport | undefined => {
  if (update === null) return undefined;
  const { assigned, state, sinceAt, cause, selfTest, probation, confirmed } = update;
  const shadow = shadowOf(update);
  return {
    deploymentId: assigned.deploymentId,
    version: assigned.version,
    sha256: assigned.sha256,
    state,
    since: sinceAt,
    ...(cause !== undefined && { cause }),
    ...(state === 'downloading' &&
      doneBytes !== undefined && { progress: { doneBytes, totalBytes: assigned.lengthBytes } }),
    ...(selfTest !== undefined && { selfTest }),
    ...(shadow !== undefined && { shadow }),
    ...(probation !== undefined && { probation }),
    ...(state === 'committed' && { confirmed }),
    floor,
  };
};
