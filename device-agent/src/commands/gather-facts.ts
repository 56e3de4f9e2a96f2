/** Looks at this machine for the doctor. Never throws: what cannot be found out is a fact as well. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { AGENT_VERSION } from '../version.ts';
import type { DiskFacts, DoctorFacts } from '../doctor/doctor-facts.ts';
import { probeModels } from '../inference/probe-models.ts';
import { inspectOutbox } from '../outbox/inspect-outbox.ts';
import { PINNED_ROOT } from '../ota/first-root.ts';
import { mqttProblem } from '../uplink/connection-problem.ts';
import { updatePlace } from '../updates-config.ts';
import { sensorProblem } from './sensor-problem.ts';

const SYNC_TRIES = 5;
const TIMEOUT_MS = 3_000;

const reads = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

const clockSynchronised = async (): Promise<boolean | null> => {
  try {
    const asked = promisify(execFile)('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: TIMEOUT_MS,
    });
    const said = (await asked).stdout.trim();
    return said === 'yes' ? true : said === 'no' ? false : null;
  } catch {
    return null;
  }
};

/** `flags` on x86, `Features` on Arm. */
const cpuFeatures = async (): Promise<string[]> =>
  (/^(?:flags|Features)\s*:\s*(.*)$/m.exec(await reads('/proc/cpuinfo'))?.[1] ?? '').split(' ').filter(Boolean);

/** MemAvailable counts what the page cache gives back, which `freemem` of older systems does not. */
const availableMemory = async (): Promise<number> => {
  const kilobytes = /^MemAvailable:\s+(\d+)/m.exec(await reads('/proc/meminfo'))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1_024;
};

const nearestFolder = async (path: string): Promise<string> => {
  const isThere = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isThere || path === dirname(path) ? path : nearestFolder(dirname(path));
};

const timeSyncedWrites = async (folder: string): Promise<number[]> => {
  const path = join(folder, `.doctor-${process.pid}`);
  const file = await open(path, 'w');
  const times: number[] = [];
  try {
    for (let turn = 0; turn < SYNC_TRIES; turn += 1) {
      const startedAt = performance.now();
      await file.write(Buffer.alloc(4_096, turn), 0, 4_096, 0);
      await file.datasync();
      times.push(performance.now() - startedAt);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return times;
};

const diskFacts = async (path: string): Promise<DiskFacts> => {
  const { type, bavail, bsize } = await statfs(await nearestFolder(path)).catch(() => ({
    type: 0,
    bavail: 0,
    bsize: 0,
  }));
  const found = { path, fileSystemType: type, freeBytes: bavail * bsize };
  try {
    await mkdir(path, { recursive: true });
    return { ...found, syncMs: await timeSyncedWrites(path), refusal: null };
  } catch (error) {
    return { ...found, syncMs: [], refusal: sentenceOf(error) };
  }
};

const updateFacts = (config: AgentConfig): DoctorFacts['updates'] => {
  const { folder, offReason } = updatePlace(config);
  const isPinnedUnseen = config.updates.rootFile === null && existsSync(join(folder, 'metadata', PINNED_ROOT));
  return { offReason, isPinnedUnseen: offReason === null && isPinnedUnseen };
};

const askLocalApi = async (config: AgentConfig): Promise<{ api: DoctorFacts['localApi']; isConnected: boolean }> => {
  const { localApi } = config;
  if (localApi === null || localApi.port === 0) return { api: { state: 'none', address: '' }, isConnected: false };
  const address = `http://${localApi.host.includes(':') ? `[${localApi.host}]` : localApi.host}:${localApi.port}`;
  try {
    const response = await fetch(new URL('/status', address), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const status = (await response.json()) as { deviceId?: string; uplink?: { state?: string } };
    if (status.deviceId !== config.deviceId) throw new Error('another agent answers');
    return { api: { state: 'answers', address }, isConnected: status.uplink?.state === 'connected' };
  } catch {
    return { api: { state: 'silent', address }, isConnected: false };
  }
};

/** Takes a few seconds: models are loaded and asked, the disk is written and synced, the fleet server is connected to. */
export const gatherFacts = async (config: AgentConfig): Promise<DoctorFacts> => {
  const { dataDir, models, inference } = config;
  const dataDirMode = await stat(dataDir).then(
    ({ mode }) => mode & 0o777,
    () => null,
  );
  const disk = await diskFacts(dataDir);
  const { api, isConnected } = await askLocalApi(config);
  const address = `${config.fleet.host}:${config.fleet.port}`;
  return {
    agentVersion: AGENT_VERSION,
    now: Date.now(),
    clockSynchronised: await clockSynchronised(),
    nodeVersion: process.versions.node,
    opensslVersion: process.versions.openssl,
    arch: process.arch,
    cpuFeatures: await cpuFeatures(),
    totalMemoryBytes: totalmem(),
    availableMemoryBytes: await availableMemory(),
    engines: Math.min(models.length, inference.engines.length),
    disk,
    dataDirMode,
    outbox: inspectOutbox(join(dataDir, 'outbox.db')),
    sensors: await Promise.all(
      config.sensors.map(async (sensor) => ({ name: sensor.name, problem: await sensorProblem(sensor) })),
    ),
    broker: { address, problem: isConnected ? null : await mqttProblem(config.fleet) },
    models: await probeModels(config),
    updates: updateFacts(config),
    localApi: api,
  };
};
