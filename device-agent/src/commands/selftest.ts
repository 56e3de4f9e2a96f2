/** `shoal-agent selftest`: the test that an update must pass, on the models that this device runs now. */
import { selfTest, type SelfTestResult } from '../inference/self-test.ts';
import { readAssignedBundle } from '../inference/assigned-bundle.ts';
import { readTrustedKeys } from '../inference/trusted-keys.ts';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { BlobStore } from '../ota/blob-store.ts';
import { nodeDisk } from '../ota/node-disk.ts';
import { StateRecord } from '../ota/state-record.ts';
import { recordSchema } from '../ota/update-record.ts';
import { updatePlace } from '../updates-config.ts';

export interface SelfTestRow {
  readonly model: string;
  /** Null when it passes. */
  readonly problem: string | null;
  readonly figures: SelfTestResult | null;
}

const DURATION_MS = 2_000;

/** Folders of the versions that updates brought, by model. */
const updatedFolders = async (config: AgentConfig): Promise<Map<string, string>> => {
  const { folder, offReason } = updatePlace(config);
  const { value } = await new StateRecord(nodeDisk, folder, recordSchema).read();
  const store = new BlobStore(nodeDisk, folder);
  const active = Object.entries(offReason === null ? (value?.models ?? {}) : {});
  return new Map(
    active.flatMap(([name, model]) => (model.active === null ? [] : [[name, store.folderOf(model.active.sha256)]])),
  );
};

/** One after the other; beside a working agent, in engines of its own. */
export const selfTestReport = async (config: AgentConfig): Promise<SelfTestRow[]> => {
  const { requireSignature, trustedKeys: files, engines, deadlineMs } = config.inference;
  const updated = await updatedFolders(config);
  const own = config.models.filter(({ bundle }) => !updated.has(bundle));
  const assignments = [...own, ...[...updated].map(([, bundle]) => ({ bundle }))];
  const rows: SelfTestRow[] = [];
  for (const assignment of assignments) {
    try {
      const trustedKeys = await readTrustedKeys(files);
      const bundle = await readAssignedBundle(assignment, { trustedKeys, requireSignature });
      const model = `${bundle.manifest.name} ${bundle.manifest.version}`;
      const options = { engines, deadlineMs, durationMs: DURATION_MS };
      const tested = await selfTest(bundle, options, new AbortController().signal).then(
        (figures) => ({ figures, problem: null }),
        (error: unknown) => ({ figures: null, problem: sentenceOf(error) }),
      );
      rows.push({ model, ...tested });
    } catch (error) {
      rows.push({ model: assignment.bundle, figures: null, problem: sentenceOf(error) });
    }
  }
  return rows;
};

/** A line for each model. */
export const describeSelfTest = (rows: readonly SelfTestRow[]): string =>
  rows
    .map(({ model, problem, figures }) =>
      figures === null
        ? `FAIL  ${model}: ${problem ?? 'no figures'}`
        : `ok    ${model} on ${figures.engine}: p50 ${figures.p50Ms.toFixed(2)} ms, p95 ${figures.p95Ms.toFixed(2)} ms, ${Math.round(figures.rssMb)} MB`,
    )
    .join('\n');
