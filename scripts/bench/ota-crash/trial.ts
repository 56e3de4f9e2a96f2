/** One device over one folder: runs an updater until its update has ended or the process dies, and judges what it finds afterwards. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ModelError, readBundle, type Bundle } from '@shoal/models';
import type { SignedAssignment, UpdateState } from '@shoal/protocol';
import type { BlobSource } from '@shoal/device-agent/ota/blob-source.port';
import type { Look } from '@shoal/device-agent/ota/run-tuf-child';
import { MetadataStore } from '@shoal/device-agent/ota/metadata-store';
import type { ModelHost } from '@shoal/device-agent/ota/model-host.port';
import type { UpdateDisk } from '@shoal/device-agent/ota/update-disk.port';
import { Updater } from '@shoal/device-agent/ota/updater';
import { DEVICE, MODEL, type Releases } from './releases.ts';

/** How the second version does. */
export const FATES = ['good', 'fails-self-test', 'disagrees', 'fails-in-service'] as const;
export type Fate = (typeof FATES)[number];

const ENDS: Readonly<Record<Fate, readonly UpdateState[]>> = {
  good: ['committed'],
  'fails-self-test': ['rejected'],
  disagrees: ['rejected'],
  'fails-in-service': ['rolled-back'],
};

/** What serves, as far as the updater says. */
export class Serving implements ModelHost {
  bundle: Bundle | null = null;
  selfTests = 0;
  readonly #fate: Fate;
  readonly #badDigest: string;

  constructor(fate: Fate, badDigest: string) {
    this.#fate = fate;
    this.#badDigest = badDigest;
  }

  async selfTest(bundle: Bundle) {
    this.selfTests += 1;
    if (this.#isBad(bundle, 'fails-self-test')) throw new ModelError('GOLDEN_MISMATCH', 'It answers otherwise.');
    return { p50Ms: 1, p95Ms: 1, rssMb: 1, engine: 'native-child' };
  }

  async openShadow(bundle: Bundle) {
    const isBad = this.#isBad(bundle, 'disagrees');
    let windows = 0;
    return {
      counts: () => {
        windows += 1;
        const agreed = isBad ? 0 : windows;
        return { windows, agreed, failures: 0, losses: 0, isDown: false, p95Ms: 1 };
      },
      close: async () => undefined,
    };
  }

  async load(): Promise<void> {}

  async install(_name: string, bundle: Bundle | null): Promise<void> {
    this.bundle = bundle;
  }

  service() {
    const isBad = this.bundle !== null && this.#isBad(this.bundle, 'fails-in-service');
    return { inferences: 5, failures: isBad ? 5 : 0, losses: 0, isDown: false };
  }

  #isBad({ digest }: Bundle, fate: Fate): boolean {
    return this.#fate === fate && digest === this.#badDigest;
  }
}

const LONG_MS = 1_000;

/** Pauses are short, and those that only a deadline ends are endless. */
const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms < LONG_MS) await delay(Math.min(ms, 2), undefined, { signal });
  else await ended(signal);
};

/** Rejects with the end of the signal. */
const ended = (signal: AbortSignal): Promise<never> =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

const silent = () => undefined;
const logger = { level: 'info', debug: silent, info: silent, warn: silent, error: silent };
const health = { raise: silent, clear: silent, reasons: () => [], onChange: silent };

/** Writes what a look writes that finds something new. */
const lookOf =
  (releases: Releases, disk: () => UpdateDisk): Look =>
  async ({ folder, targets }) => {
    const known = [releases.first.facts, releases.second.facts];
    await disk().write(join(folder, 'timestamp.json'), Buffer.from(JSON.stringify({ targets })));
    return {
      type: 'found',
      targets: targets.map((path) => known.find((facts) => facts.path === path) ?? null),
      directorKeys: releases.directorKeys,
    };
  };

export const memoryBlobs = ({ first, second }: Releases): BlobSource => ({
  async *range(sha256, start, end) {
    const blob = [first, second].find(({ facts }) => facts.sha256 === sha256)?.blob;
    for (let at = start; at < end; at += 16_384)
      yield (blob ?? new Uint8Array()).subarray(at, Math.min(end, at + 16_384));
  },
  delta: async () => undefined,
});

export interface Device {
  readonly updater: Updater;
  readonly serving: Serving;
  /** Resolves with the state in which the update ended. */
  readonly ended: (deploymentId: string) => Promise<UpdateState>;
}

export interface DeviceOptions {
  readonly folder: string;
  readonly disk: UpdateDisk;
  readonly releases: Releases;
  readonly blobs: BlobSource;
  readonly fate: Fate;
}

const ROOT = Buffer.from('{"signed":{"_type":"root"}}');
const TERMINAL: readonly string[] = ['committed', 'rolled-back', 'rejected', 'canceled', 'superseded'];

export const createDevice = ({ folder, disk, releases, blobs, fate }: DeviceOptions): Device => {
  const serving = new Serving(fate, releases.second.digest);
  const listeners = new Set<() => void>();
  const look = lookOf(releases, () => disk);
  const updater: Updater = new Updater({
    deviceId: DEVICE,
    agentVersion: '9.9.9',
    disk,
    folder,
    metadata: new MetadataStore({ disk, folder: join(folder, 'metadata'), url: '', firstRoot: async () => ROOT, look }),
    blobs,
    host: serving,
    hold: () => null,
    bundlePolicy: async () => ({ signaturePolicy: 'allow-unsigned' }),
    events: { record: silent },
    health,
    logger,
    clock: { now: Date.now, monotonic: () => performance.now() },
    knownNow: Date.now,
    random: Math.random,
    pause,
    retryFirstMs: 1,
    lookMs: 1,
    onChange: () => {
      for (const listener of listeners) listener();
    },
  });
  const ended = (deploymentId: string): Promise<UpdateState> =>
    new Promise((resolve) => {
      const look = (): void => {
        const report = updater.report()[MODEL];
        if (report?.deploymentId === deploymentId && TERMINAL.includes(report.state)) resolve(report.state);
      };
      listeners.add(look);
      look();
    });
  return { updater, serving, ended };
};

/** Starts it, with what it finds on disk in force. */
export const boot = async ({ updater, serving }: Device, assignment: SignedAssignment): Promise<void> => {
  const [active] = await updater.start();
  serving.bundle = active?.bundle ?? null;
  updater.take(assignment);
  updater.run();
};

const PATIENCE_MS = 20_000;

export const within = async <T>(promise: Promise<T>): Promise<T | 'too-late'> => {
  const late = new AbortController();
  try {
    return await Promise.race([promise, delay(PATIENCE_MS, 'too-late' as const, { signal: late.signal })]);
  } finally {
    late.abort();
  }
};

interface Expected {
  readonly releases: Releases;
  readonly fate: Fate;
  /** Digest of what it ran before the update; null for nothing. */
  readonly before: string | null;
  readonly mayGiveUp: boolean;
}

/** What must hold of a device after its update has ended; a sentence for each thing that does not. */
export const judge = async (
  { updater, serving }: Device,
  state: UpdateState | 'too-late',
  { releases, fate, before, mayGiveUp }: Expected,
): Promise<string[]> => {
  const problems: string[] = [];
  const report = updater.report()[MODEL];
  const givenUp = mayGiveUp && report?.cause?.code === 'UPDATE_CRASHED';
  if (state === 'too-late' || !(ENDS[fate].includes(state) || givenUp))
    problems.push(`it ended as ${state} (${report?.state ?? ''} ${report?.cause?.code ?? ''})`);
  const wanted = report?.state === 'committed' ? releases.second.digest : before;
  problems.push(...(await judgeServing(serving, wanted === null ? [] : [wanted])));
  return problems;
};

/**
 * What must hold of a process after the last death: what served serves, and what was refused is refused at once when another
 * deployment brings it.
 */
export const judgeAgain = async (
  { updater, serving }: Device,
  state: UpdateState | 'too-late',
  served: string | null,
): Promise<string[]> => {
  const problems = await judgeServing(serving, served === null ? [] : [served]);
  const report = updater.report()[MODEL];
  const isKnown = state === 'committed' || report?.cause?.code === 'UPDATE_REFUSED_BEFORE';
  if (!isKnown || serving.selfTests > 0)
    problems.push(`offered again it ended as ${state} (${report?.cause?.code ?? ''}), ${serving.selfTests} self-tests`);
  return problems.map((problem) => `started anew: ${problem}`);
};

/** Whatever serves is intact, byte by byte, and one of the versions that may; without any nothing serves. */
export const judgeServing = async ({ bundle }: Serving, digests: readonly string[]): Promise<string[]> => {
  if (bundle === null) return digests.length === 0 ? [] : ['nothing serves'];
  if (!digests.includes(bundle.digest)) return [`${bundle.manifest.version} serves`];
  try {
    const again = await readBundle(bundle.folder, { signaturePolicy: 'allow-unsigned' });
    return again.digest === bundle.digest ? [] : ['what serves is not what it was'];
  } catch (error) {
    return [`what serves is damaged: ${String(error)}`];
  }
};

/** A folder in which the first version is committed, to begin trials from. */
export const copyOf = async (template: string, folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  await cp(template, folder, { recursive: true });
  return folder;
};
