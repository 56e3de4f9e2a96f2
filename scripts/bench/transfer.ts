/** What an update costs a link: bytes sent twice when it breaks, deltas of a fine-tune, and metadata of an idle and of a new device. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { hashContent, packBundle } from '@shoal/models/trust';
import { bigModel } from './edge/edge-models.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { Program } from './kill/processes/program.ts';
import { serverCommand } from './kill/processes/project-programs.ts';
import { CutLink } from './transfer/cut-link.ts';
import { metadataCost, plantTargets } from './transfer/metadata-cost.ts';
import { resumedDownload } from './transfer/resumed-download.ts';
import { fp32Delta, int8Delta, tunedWeights } from './transfer/tuned-models.ts';

const CUT_EVERY_BYTES = 2_000_000;
const TARGETS = 5_000;
const WEIGHTS = { full: 5_000_192, quick: 1_000_192 } as const;

/** The check of a bundle may take as long as a busy machine makes it; no engine is needed. */
const CONFIG = {
  logLevel: 'fatal',
  models: { checkTimeoutMs: 120_000 },
  inference: { start: 'lazy' },
  grpc: { port: 0 },
};

interface Released {
  readonly sha256: string;
  readonly lengthBytes: number;
}

const pushed = async (url: string, archive: Uint8Array): Promise<Released> => {
  const headers = { 'content-type': 'application/x-tar' };
  const response = await fetch(`${url}/api/models`, { method: 'POST', headers, body: new Uint8Array(archive) });
  if (response.status !== 201) throw new Error(`the bundle is refused: ${await response.text()}`);
  return (await response.json()) as Released;
};

/** The download of a whole artifact over a link that is cut again and again. */
const broken = async (url: string, folder: string) => {
  const archive = await buffer(await packBundle(await bigModel(folder)));
  const { sha256, lengthBytes } = await pushed(url, archive);
  const link = new CutLink(url, CUT_EVERY_BYTES);
  const { chunks } = await hashContent(Readable.from([archive]));
  const wanted = { url: await link.start(), sha256, lengthBytes, chunks };
  const { path, requests } = await resumedDownload(wanted, join(folder, 'device'));
  link.stop();
  const isWhole = createHash('sha256').update(readFileSync(path)).digest('hex') === sha256;
  const resentPct = ((link.downBytes - lengthBytes) / lengthBytes) * 100;
  return { lengthBytes, cuts: link.cuts, requests, resentPct, isWhole };
};

const started = async (dataDir: string): Promise<{ program: Program; url: string }> => {
  const config = join(dataDir, '..', 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
  const command = serverCommand(dataDir, { mqtt: 0, http: 0 });
  const program = new Program({ ...command, args: [...command.args, '--config', config] });
  const ready = await program.start();
  return { program, url: String(ready['httpUrl']) };
};

const run = async ({ quick, log }: BenchOptions): Promise<BenchResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-transfer-'));
  const dataDir = join(folder, 'data');
  try {
    const weights = tunedWeights(quick ? WEIGHTS.quick : WEIGHTS.full);
    log('deltas of a fine-tune');
    const [fp32, int8] = [await fp32Delta(weights, folder), await int8Delta(weights, folder)];
    const before = await started(dataDir);
    log('a link that is cut every 2 MB');
    const cut = await broken(before.url, folder);
    await before.program.stop();
    const target = plantTargets(join(dataDir, 'control.db'), TARGETS);
    const after = await started(dataDir);
    log(`metadata with ${TARGETS} targets`);
    const cost = await metadataCost(after.url, target, folder);
    await after.program.stop();
    const faults = [
      ...(cut.isWhole && cut.cuts > 0 ? [] : ['The file over the broken link is not the one that was released.']),
      ...(fp32.isSame && int8.isSame ? [] : ['A delta does not give back its target.']),
      ...(cost.isFound ? [] : ['tuf-js does not find a planted target.']),
    ];
    return {
      figures: {
        artifact_bytes: cut.lengthBytes,
        cuts: cut.cuts,
        requests: cut.requests,
        resent_pct: Number(cut.resentPct.toFixed(3)),
        delta_fp32_ratio: Number((fp32.deltaBytes / fp32.archiveBytes).toFixed(3)),
        zstd_fp32_ratio: Number((fp32.zstdBytes / fp32.archiveBytes).toFixed(3)),
        delta_int8_ratio: Number((int8.deltaBytes / int8.archiveBytes).toFixed(3)),
        zstd_int8_ratio: Number((int8.zstdBytes / int8.archiveBytes).toFixed(3)),
        idle_check_bytes: cost.idleBytes,
        idle_wire_bytes: cost.idleWireBytes,
        idle_conditional_bytes: cost.conditionalBytes,
        targets: TARGETS,
        cold_metadata_bytes: cost.coldBytes,
        cold_wire_bytes: cost.coldWireBytes,
        cold_requests: cost.coldRequests,
      },
      faults,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  name: 'transfer',
  about: 'bytes that updates cost: broken links, deltas, metadata',
  run,
};
