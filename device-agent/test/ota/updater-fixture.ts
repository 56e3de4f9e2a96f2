/** An updater over a real folder and a real server, whose engines are a word of the test. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bundle } from '@shoal/models';
import type { UpdateHold, UpdateReport } from '@shoal/protocol';
import { contentOf, type BundleShelf } from '../../../models/test/test-bundles.ts';
import { DOUBLING } from '../../../models/test/hostile-models.ts';
import { ReasonBoard } from '../../src/health/reason-board.ts';
import { firstRoot } from '../../src/ota/first-root.ts';
import { HttpBlobs } from '../../src/ota/http-blobs.ts';
import { MetadataStore } from '../../src/ota/metadata-store.ts';
import type { ModelHost, ServiceCounts } from '../../src/ota/model-host.port.ts';
import { nodeDisk } from '../../src/ota/node-disk.ts';
import type { Patience } from '../../src/ota/patience.ts';
import { runTufChild } from '../../src/ota/run-tuf-child.ts';
import type { UpdateDisk } from '../../src/ota/update-disk.port.ts';
import { Updater } from '../../src/ota/updater.ts';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { EventList, eventually } from '../fixtures/conditions.ts';
import type { Release, ReleaseServer } from './release-server.ts';

export const MODEL = 'hostile';

/** A model that doubles, under a version of its own. */
export const releaseOf = async (
  server: ReleaseServer,
  shelf: BundleShelf,
  { version, releaseCounter, padding = 0 }: { version: string; releaseCounter: number; padding?: number },
): Promise<Release> => {
  const content = contentOf({ model: DOUBLING, manifest: { version, releaseCounter } });
  const readme = { path: 'README.md', role: 'readme' as const, bytes: new Uint8Array(padding).fill(releaseCounter) };
  const { folder } = await shelf.write(padding === 0 ? content : { ...content, files: [...content.files, readme] });
  return server.release(folder);
};

export class TestHost implements ModelHost {
  serving: Bundle | null = null;
  /** Versions in the order in which they were installed; null for the configuration. */
  readonly installed: (string | null)[] = [];
  counts: ServiceCounts = { inferences: 5, failures: 0, losses: 0, isDown: false };
  agreed = 1;
  selfTests = 0;
  /** Awaited by each self-test, unless it is called off. */
  onSelfTest: () => Promise<void> = async () => undefined;
  #windows = 0;

  async selfTest(_bundle: Bundle, signal: AbortSignal) {
    this.selfTests += 1;
    const calledOff = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => calledOff.reject(signal.reason), { once: true });
    await Promise.race([this.onSelfTest(), calledOff.promise]);
    return { p50Ms: 1, p95Ms: 2, rssMb: 40, engine: 'native-child' };
  }

  async openShadow() {
    return {
      counts: () => {
        this.#windows += 1;
        const agreed = Math.floor(this.#windows * this.agreed);
        return { windows: this.#windows, agreed, failures: 0, losses: 0, isDown: false };
      },
      close: async () => undefined,
    };
  }

  async load(): Promise<void> {}

  async install(_name: string, bundle: Bundle | null): Promise<void> {
    if (bundle?.digest === this.serving?.digest && this.serving !== null) return;
    this.serving = bundle;
    this.installed.push(bundle?.manifest.version ?? null);
  }

  service(): ServiceCounts {
    return this.counts;
  }
}

export interface TestDevice {
  readonly updater: Updater;
  readonly host: TestHost;
  readonly events: EventList;
  readonly folder: string;
  /** What is known of the time; null for nothing. */
  now: number | null;
  /** Somebody on this machine holds updates; to be told with `updater.holdChanged`. */
  hold: UpdateHold | null;
  /** Waits for a state, and gives what is reported then. */
  reaches(state: UpdateReport['state']): Promise<UpdateReport>;
  /** Waits for a cause. */
  says(code: string): Promise<UpdateReport>;
  /** Waits until a deployment has ended well. */
  adopts(deploymentId: string): Promise<UpdateReport>;
}

export interface TestDevicePlace {
  readonly folder: string;
  readonly server: ReleaseServer;
  readonly disk?: UpdateDisk;
  readonly patience?: Patience;
  readonly hold?: UpdateHold | null;
}

export const deviceAt = async (place: TestDevicePlace): Promise<TestDevice> => {
  const { folder, server, disk = nodeDisk, patience, hold = null } = place;
  const { url } = server;
  const events = new EventList();
  const host = new TestHost();
  const logger = silentLogger();
  const blobs = new HttpBlobs(url, patience);
  const root = { disk, folder, source: blobs, file: null, logger };
  const updater = new Updater({
    deviceId: 'pump-07',
    agentVersion: '0.1.0',
    disk,
    folder,
    metadata: new MetadataStore({
      disk,
      folder: join(folder, 'metadata'),
      url,
      firstRoot: (signal) => firstRoot(root, signal),
      look: runTufChild,
    }),
    blobs,
    host,
    hold: () => device.hold,
    bundlePolicy: async () => ({ signaturePolicy: 'allow-unsigned' }),
    events,
    health: new ReasonBoard(systemClock),
    logger,
    clock: systemClock,
    knownNow: () => device.now,
    random: Math.random,
    pause: async (ms, signal) => {
      await delay(ms, undefined, { signal, ref: false });
    },
    retryFirstMs: 5,
    lookMs: 5,
    onChange: () => undefined,
  });
  const waitFor = async (holds: (report: UpdateReport) => boolean): Promise<UpdateReport> => {
    let found: UpdateReport | undefined;
    await eventually(() => {
      const report = updater.report()[MODEL];
      if (report !== undefined && holds(report)) found = report;
      return found !== undefined;
    });
    if (found === undefined) throw new Error('never');
    return found;
  };
  const device: TestDevice = {
    updater,
    host,
    events,
    folder,
    now: Date.now(),
    hold,
    reaches: (state) => waitFor((report) => report.state === state),
    says: (code) => waitFor(({ cause }) => cause?.code === code),
    adopts: (id) => waitFor(({ deploymentId, state }) => deploymentId === id && state === 'committed'),
  };
  const active = await updater.start();
  host.serving = active[0]?.bundle ?? null;
  updater.run();
  return device;
};
