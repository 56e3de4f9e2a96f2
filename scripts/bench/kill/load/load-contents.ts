/** Compares what the server's API gives back with what the load devices said, value by value. */
import { isDeepStrictEqual } from 'node:util';
import { RECORD_KINDS, type AnyRecord } from '@shoal/protocol';
import { exportRecords, type ExportedRecord } from '../database/api-export.ts';
import type { LoadPlan } from './load-messages.ts';
import { kindOf, loadDeviceId, recordOf, loadEpoch } from './load-records.ts';

export interface ContentFindings {
  readonly records: number;
  readonly altered: number;
  readonly examples: readonly string[];
}

/** Every field that was sent, as it was sent; what the server adds is not looked at. */
const isUnaltered = (sent: AnyRecord, stored: ExportedRecord): boolean =>
  Object.entries(sent).every(([field, value]) => isDeepStrictEqual(value, stored[field as keyof AnyRecord]));

interface Comparison {
  readonly where: string;
  readonly isUnaltered: boolean;
}

async function* compareDevice(httpUrl: string, plan: LoadPlan, index: number): AsyncGenerator<Comparison> {
  const identity = { index, epoch: loadEpoch(plan.seed, index), bornAt: plan.bornAt };
  for (const kind of RECORD_KINDS) {
    for (const stored of await exportRecords(httpUrl, loadDeviceId(index), kind)) {
      const isOurs = stored.epoch === identity.epoch && kindOf(stored.sequence) === kind;
      const where = `${loadDeviceId(index)} ${kind} ${stored.sequence}`;
      yield { where, isUnaltered: isOurs && isUnaltered(recordOf(identity, stored.sequence), stored) };
    }
  }
}

export const compareContents = async (httpUrl: string, plan: LoadPlan): Promise<ContentFindings> => {
  const altered: string[] = [];
  let records = 0;
  for (let index = 0; index < plan.devices; index += 1) {
    for await (const comparison of compareDevice(httpUrl, plan, index)) {
      records += 1;
      if (!comparison.isUnaltered) altered.push(`${comparison.where}: not as it was sent`);
    }
  }
  return { records, altered: altered.length, examples: altered.slice(0, 3) };
};
