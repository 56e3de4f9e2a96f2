/** Everything the server's API gives back of one device and kind. */
import type { AnyRecord, RecordKind } from '@shoal/protocol';

export type ExportedRecord = AnyRecord & { readonly epoch: string; readonly receivedAt: number };

/** In event time order. Throws when the server refuses. */
export const exportRecords = async (httpUrl: string, deviceId: string, kind: RecordKind): Promise<ExportedRecord[]> => {
  const response = await fetch(`${httpUrl}/api/devices/${deviceId}/${kind}?format=ndjson`);
  if (!response.ok) throw new Error(`GET ${response.url} answered ${response.status}: ${await response.text()}`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as ExportedRecord);
};
