/** Judges a machine by what was found on it: pure. Every finding that is not ok says what to do. */
import type { DoctorFacts, DoctorReport, Finding } from './doctor-facts.ts';

type Check = (facts: DoctorFacts) => readonly Finding[];

const ok = (check: string, sentence: string): Finding[] => [{ check, verdict: 'ok', sentence, remedy: null }];
const warn = (check: string, sentence: string, remedy: string): Finding[] => [
  { check, verdict: 'warn', sentence, remedy },
];
const fail = (check: string, sentence: string, remedy: string): Finding[] => [
  { check, verdict: 'fail', sentence, remedy },
];

/** No agent is older than this. */
const EARLIEST_YEAR = 2026;
const NODE = [24, 15] as const;
/** The newest protocol, 1.3, came with it. */
const OPENSSL = [1, 1, 1] as const;
const MB = 1e6;
/** What the agent and each engine take, from docs/footprint.md, with room for their models. */
const AGENT_BYTES = 100 * MB;
const ENGINE_BYTES = 100 * MB;
const LEAST_DISK_BYTES = 50 * MB;
const LOW_DISK_BYTES = 500 * MB;
const SLOW_SYNC_MS = 100;
/** statfs(2): memory, and what does not keep its promises about locks and syncs. */
const UNSUITED: Readonly<Record<number, string>> = {
  0x01021994: 'tmpfs: what is stored there is gone with the power',
  0x858458f6: 'ramfs: what is stored there is gone with the power',
  0x6969: 'NFS: SQLite cannot rely on its locks',
  0xff534d42: 'CIFS: SQLite cannot rely on its locks',
  0x4d44: 'FAT: it has no journal, and a power cut can take files with it',
};

const atLeast = (version: string, wanted: readonly number[]): boolean => {
  const parts = version
    .replace(/^v/, '')
    .split(/[.+-]/)
    .map((part) => Number.parseInt(part, 10));
  for (const [index, number] of wanted.entries())
    if ((parts[index] ?? 0) !== number) return (parts[index] ?? 0) > number;
  return true;
};

const clock: Check = ({ now, clockSynchronised }) => {
  const date = new Date(now);
  if (date.getUTCFullYear() < EARLIEST_YEAR)
    return fail(
      'clock',
      `The clock says ${date.toISOString()}.`,
      'Set it, or let systemd-timesyncd or chrony do it: records carry its time.',
    );
  if (clockSynchronised === false)
    return warn(
      'clock',
      'The clock is not synchronised.',
      'Enable systemd-timesyncd or chrony; until then the fleet places records by a measured offset.',
    );
  return ok(
    'clock',
    `The clock says ${date.toISOString()}${clockSynchronised === null ? '; the system does not tell whether it is synchronised' : ' and is synchronised'}.`,
  );
};

const runtime: Check = ({ nodeVersion, opensslVersion }) => [
  ...(atLeast(nodeVersion, NODE)
    ? ok('node', `Node ${nodeVersion}.`)
    : fail(
        'node',
        `Node ${nodeVersion} is older than ${NODE.join('.')}.`,
        'Use the packed agent, which brings its own Node.',
      )),
  ...(atLeast(opensslVersion, OPENSSL)
    ? ok('tls', `OpenSSL ${opensslVersion}, TLS 1.3.`)
    : fail('tls', `OpenSSL ${opensslVersion} knows no TLS 1.3.`, 'Use the packed agent, which brings its own.')),
];

/** What the runtimes use when they are there: without them models run, several times slower. */
const WANTED_FEATURES: Readonly<Record<string, readonly string[]>> = { x64: ['avx2', 'fma'], arm64: ['asimd'] };

const cpu: Check = ({ arch, cpuFeatures }) => {
  const wanted = WANTED_FEATURES[arch];
  if (wanted === undefined)
    return fail('cpu', `There is no engine for ${arch}.`, 'Install a 64-bit system (arm64 or x64).');
  const missing = cpuFeatures.length === 0 ? [] : wanted.filter((feature) => !cpuFeatures.includes(feature));
  if (missing.length > 0)
    return warn(
      'cpu',
      `The processor lacks ${missing.join(' and ')}.`,
      'Run "shoal-agent bench": models may be slow here.',
    );
  return ok('cpu', `${arch}, 64 bits${cpuFeatures.length === 0 ? '' : `, with ${wanted.join(' and ')}`}.`);
};

const memory: Check = ({ totalMemoryBytes, availableMemoryBytes, engines, localApi }) => {
  const needed = AGENT_BYTES + engines * ENGINE_BYTES;
  const inMb = (bytes: number): string => `${Math.round(bytes / MB)} MB`;
  if (totalMemoryBytes < needed)
    return fail(
      'memory',
      `This machine has ${inMb(totalMemoryBytes)}; this configuration needs about ${inMb(needed)}.`,
      'Configure fewer models or engines.',
    );
  if (localApi.state !== 'answers' && availableMemoryBytes < needed)
    return warn(
      'memory',
      `${inMb(availableMemoryBytes)} are available; this configuration needs about ${inMb(needed)}.`,
      'Stop other programs, or configure fewer models.',
    );
  return ok(
    'memory',
    `${inMb(availableMemoryBytes)} of ${inMb(totalMemoryBytes)} available, about ${inMb(needed)} needed.`,
  );
};

const disk: Check = ({ disk: { path, fileSystemType, freeBytes, syncMs, refusal } }) => {
  if (refusal !== null)
    return fail(
      'disk',
      `${path} cannot be written: ${refusal}.`,
      'Give the data folder to the user of the agent, or choose another "dataDir".',
    );
  if (freeBytes < LEAST_DISK_BYTES)
    return fail(
      'disk',
      `${Math.round(freeBytes / MB)} MB are free at ${path}.`,
      'Free some space: the outbox cannot grow.',
    );
  const unsuited = UNSUITED[fileSystemType];
  if (unsuited !== undefined)
    return warn(
      'disk',
      `${path} lies on ${unsuited}.`,
      'Put "dataDir" on a local disk with a journal (ext4, f2fs, xfs, btrfs).',
    );
  const sorted = syncMs.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  if (middle > SLOW_SYNC_MS)
    return warn(
      'disk',
      `A synced write takes ${middle.toFixed(0)} ms.`,
      'Raise "outbox.commitWindowMs", or use a better card: alarms wait for it.',
    );
  if (freeBytes < LOW_DISK_BYTES)
    return warn(
      'disk',
      `${Math.round(freeBytes / MB)} MB are free at ${path}.`,
      'Free some space, or lower "outbox.maxBytes".',
    );
  return ok('disk', `${Math.round(freeBytes / MB)} MB free at ${path}; a synced write takes ${middle.toFixed(1)} ms.`);
};

const OTHERS_WRITE = 0o022;

const dataDir: Check = ({ dataDirMode, disk: { path } }) => {
  if (dataDirMode === null) return ok('data-folder', `${path} will be made.`);
  if ((dataDirMode & OTHERS_WRITE) !== 0)
    return warn(
      'data-folder',
      `Others may write to ${path} (mode ${dataDirMode.toString(8)}).`,
      `Run "chmod go-w ${path}".`,
    );
  return ok('data-folder', `${path} belongs to the agent alone.`);
};

const outbox: Check = ({ outbox: { state, detail } }) =>
  state === 'damaged'
    ? warn(
        'outbox',
        `The outbox is damaged: ${detail}.`,
        'Start the agent: it sets the file aside and begins a new one; keep the old one for a look.',
      )
    : ok('outbox', detail);

const sensors: Check = ({ sensors: found }) =>
  found.length === 0
    ? warn('sensors', 'No sensor is configured.', 'Add one to "sensors".')
    : found.flatMap(({ name, problem }) =>
        problem === null
          ? ok(`sensor ${name}`, `${name} is there.`)
          : fail(`sensor ${name}`, `${name}: ${problem}.`, 'Connect it, or correct its entry in "sensors".'),
      );

const broker: Check = ({ broker: { address, problem } }) =>
  problem === null
    ? ok('broker', `${address} accepts connections.`)
    : fail(
        'broker',
        `${address}: ${problem}.`,
        'Check "fleet", the network, and the registration; until then records wait in the outbox.',
      );

const models: Check = ({ models: found }) =>
  found.flatMap(({ bundle, engine, problem }) =>
    problem === null
      ? ok(`model ${bundle}`, `${bundle} runs on ${engine ?? 'an engine'} and gives its golden answers.`)
      : fail(
          `model ${bundle}`,
          `${bundle}: ${problem}.`,
          'Install the bundle again, or allow another engine in "inference.engines".',
        ),
  );

const updates: Check = ({ updates: { offReason, isPinnedUnseen } }) => {
  if (offReason !== null) return ok('updates', `Models are not updated. ${offReason}`);
  if (isPinnedUnseen)
    return warn(
      'updates',
      'The root of the fleet was taken from its server unseen (trust on first use).',
      'Copy the root of the fleet to this device and name it in "updates.rootFile".',
    );
  return ok('updates', 'Models are updated when the fleet assigns it.');
};

const localApi: Check = ({ localApi: { state, address } }) => {
  if (state === 'none') return ok('local-api', 'The local API is switched off.');
  if (state === 'answers') return ok('local-api', `An agent answers at ${address}.`);
  return warn('local-api', `No agent answers at ${address}.`, 'Start it: "shoal-agent run".');
};

const CHECKS: readonly Check[] = [
  clock,
  runtime,
  cpu,
  memory,
  disk,
  dataDir,
  outbox,
  sensors,
  broker,
  models,
  updates,
  localApi,
];

export const runDoctor = (facts: DoctorFacts): DoctorReport => {
  const findings = CHECKS.flatMap((check) => check(facts));
  const verdict =
    (['fail', 'warn'] as const).find((worst) => findings.some((finding) => finding.verdict === worst)) ?? 'ok';
  return { agentVersion: facts.agentVersion, at: facts.now, verdict, findings };
};
