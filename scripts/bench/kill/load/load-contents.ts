/** Compares what the server's API gives back with what the load devices said, value by value. */
import { isDeepStrictEqual } from 'node:util';
import { RECORD_KINDS, type AnyRecord } from '@shoal/protocol';
import { exportRecords, type ExportedRecord } from '../database/api-export.ts';
import { loadEpoch } from './load-generator.ts';
import type { LoadPlan } from './load-messages.ts';
import { kindOf, loadDeviceId, recordOf } from './load-records.ts';

export interface ContentFindings {
  readonly records: number;
  readonly altered: number;
  readonly examples: readonly string[];
}

/** Every field that was sent, as it was sent; what the server adds is not looked at. */
const isUnaltered = (sent: AnyRecord, stored: ExportedRecord): boolean =>
  Object.entries(sent).every(([field, value]) => isDeepStrictEqual(value, stored[field as keyof AnyRecord]));

export const compareContents = async (httpUrl: string, plan: LoadPlan): Promise<ContentFindings> => {
  const examples: string[] = [];
  let records = 0;
  let altered = 0;
  for (let index = 0; index < plan.devices; index += 1) {
    const identity = { index, epoch: loadEpoch(plan.seed, index), bornAt: plan.bornAt };
    for (const kind of RECORD_KINDS) {
      for (const stored of await exportRecords(httpUrl, loadDeviceId(index), kind)) {
        records += 1;
        const sent = recordOf(identity, stored.sequence);
        const isOurs = stored.epoch === identity.epoch && kindOf(stored.sequence) === kind;
        if (isOurs && isUnaltered(sent, stored)) continue;
        altered += 1;
        if (examples.length < 3) examples.push(`${loadDeviceId(index)} ${kind} ${stored.sequence}: not as it was sent`);
      }
    }
  }
  return { records, altered, examples };
};
