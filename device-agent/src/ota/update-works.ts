/** The work of each state of an update; each may be done again from its beginning. */
import type { Bundle } from '@shoal/models';
import type { UpdateHold } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { BlobSource } from './blob-source.port.ts';
import type { BlobStore } from './blob-store.ts';
import { download } from './download.ts';
import type { ModelHost } from './model-host.port.ts';
import { judgeService } from './probation.ts';
import type { RecordKeeper } from './record-keeper.ts';
import { judgeShadow } from './shadow.ts';
import type { Staging } from './staging.ts';
import { waitFor } from './start-time.ts';
import { causeOf } from './update-fault.ts';
import type { UpdateEvent } from './update-plan.ts';
import type { Work } from './update-table.ts';
import type { Update } from './update-record.ts';
import type { DoWork, Facts, WorkContext } from './update-run.ts';

export interface UpdateWorksOptions {
  readonly deviceId: string;
  readonly keeper: RecordKeeper;
  readonly store: BlobStore;
  readonly staging: Staging;
  readonly source: BlobSource;
  readonly host: ModelHost;
  /** Null while nobody holds updates. */
  readonly hold: () => UpdateHold | null;
  /** Milliseconds since the epoch, as far as known. */
  readonly nowAt: () => number;
  readonly monotonic: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds between looks at a candidate that serves or shadows. */
  readonly lookMs: number;
  readonly onDownloaded: (name: string, doneBytes: number) => void;
}

/** A wait is cut into pieces: the clock may be set meanwhile. */
const LONGEST_WAIT_MS = 60_000;

const done = (update: Update, facts?: Facts): UpdateEvent => ({
  type: 'done',
  in: update.state,
  ...(facts !== undefined && { facts }),
});

const failed = (update: Update, code: string, message: string, facts: Facts): UpdateEvent => ({
  type: 'failed',
  in: update.state,
  cause: causeOf(code, message),
  retryable: false,
  facts,
});

/** What the record says is to run, as far as it can be read: what cannot is given up for the one before, at last for null. */
export const readInstalled = async (keeper: RecordKeeper, staging: Staging, name: string): Promise<Bundle | null> => {
  for (;;) {
    const { active } = keeper.model(name);
    if (active === null) return null;
    try {
      return await staging.read(active);
    } catch (error) {
      const cause = causeOf(
        'UPDATE_STORE_DAMAGED',
        `${name} ${active.version} cannot be read any more: ${sentenceOf(error)}`,
      );
      await keeper.apply(name, { type: 'damaged', sha256: active.sha256, cause });
    }
  }
};

export const createWorks = (options: UpdateWorksOptions): Readonly<Record<Work, DoWork>> => {
  const { deviceId, keeper, store, staging, source, host, hold, nowAt, monotonic, pause, lookMs, onDownloaded } =
    options;
  const candidate = ({ assigned, signed }: Update): Promise<Bundle> =>
    staging.read({ ...assigned, digest: signed.digest });

  const wait = async ({ update, signal, elapsedMs }: WorkContext): Promise<UpdateEvent> => {
    for (;;) {
      const waited = update.state === 'wait-window' ? elapsedMs() : 0;
      const left = waitFor(update.assigned, deviceId, nowAt(), waited);
      if (left === null) return done(update);
      if (update.state === 'assigned') return { type: 'waiting', cause: left.cause };
      await pause(Math.min(left.ms, LONGEST_WAIT_MS), signal);
    }
  };

  const holdStill = async ({ signal }: WorkContext): Promise<UpdateEvent> => {
    for (let held = hold(); held !== null; held = hold())
      await pause(Math.min(LONGEST_WAIT_MS, Math.max(lookMs, held.until - nowAt())), signal);
    return { type: 'hold-changed' };
  };

  const fetchBlob = async ({ name, update, signal }: WorkContext): Promise<UpdateEvent> => {
    const { active, previous } = keeper.model(name);
    const bases = [active, previous].flatMap((version) => (version === null ? [] : [version.sha256]));
    const { assigned, signed } = update;
    const onProgress = (bytes: number): void => onDownloaded(name, bytes);
    await download({ store, source, assigned, chunks: signed.chunks, bases, onProgress, pause, monotonic }, signal);
    return done(update);
  };

  const verify = async ({ update, signal }: WorkContext): Promise<UpdateEvent> => {
    const { sha256, lengthBytes } = update.assigned;
    if ((await store.hasBlob(sha256, lengthBytes)) && (await store.sha256Of(sha256, lengthBytes, signal)) === sha256)
      return done(update);
    await store.forget(sha256);
    return {
      type: 'corrupt',
      cause: causeOf('UPDATE_CORRUPT', 'The packed bundle is not what was signed; it is fetched anew.'),
    };
  };

  const stage = async ({ update }: WorkContext): Promise<UpdateEvent> => {
    await staging.unpack({ ...update.assigned, digest: update.signed.digest });
    return done(update);
  };

  const selfTest = async ({ update, signal }: WorkContext): Promise<UpdateEvent> =>
    done(update, { selfTest: { ...(await host.selfTest(await candidate(update), signal)) } });

  const shadow = async ({ update, signal, note }: WorkContext): Promise<UpdateEvent> => {
    if (update.assigned.shadow.minWindows === 0) return done(update);
    const before = update.shadow ?? { windows: 0, agreed: 0 };
    const beside = await host.openShadow(await candidate(update));
    try {
      for (;;) {
        const seen = beside.counts();
        const windows = before.windows + seen.windows;
        const agreed = before.agreed + seen.agreed;
        const counts = { windows, agreed, ...(seen.p95Ms !== undefined && { p95Ms: seen.p95Ms }) };
        note({ shadow: counts });
        const verdict = judgeShadow(update.assigned.shadow, { ...seen, windows, agreed });
        if (verdict === 'agrees') return done(update, { shadow: counts });
        if (verdict !== 'watching') return failed(update, verdict.code, verdict.message, { shadow: counts });
        await pause(lookMs, signal);
      }
    } finally {
      await beside.close();
    }
  };

  const load = async ({ update }: WorkContext): Promise<UpdateEvent> => {
    await host.load(await candidate(update));
    return done(update);
  };

  const watch = async ({ name, update, signal, elapsedMs, note }: WorkContext): Promise<UpdateEvent> => {
    await host.install(name, await candidate(update), update.assigned.source);
    const before = update.probation ?? { inferences: 0, failures: 0 };
    for (;;) {
      const service = host.service(name);
      const inferences = before.inferences + service.inferences;
      const failures = before.failures + service.failures;
      note({ probation: { inferences, failures } });
      const verdict = judgeService(update.assigned.probation, { ...service, inferences, failures }, elapsedMs());
      if (verdict === 'passed') return done(update, { probation: { inferences, failures } });
      if (verdict !== 'watching')
        return failed(update, 'UPDATE_FAILS_IN_SERVICE', verdict, { probation: { inferences, failures } });
      await pause(lookMs, signal);
    }
  };

  /** The record already names what is to run; where that cannot be read any more, the model of the configuration. */
  const restore = async ({ name, update }: WorkContext): Promise<UpdateEvent> => {
    const bundle = await readInstalled(keeper, staging, name);
    await host.install(name, bundle, keeper.model(name).active?.source);
    return done(update);
  };

  return {
    wait,
    hold: holdStill,
    download: fetchBlob,
    verify,
    stage,
    'self-test': selfTest,
    shadow,
    load,
    watch,
    restore,
  };
};
