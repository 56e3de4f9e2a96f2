/** A server, devices and files of one test, all gone after it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scenarioSchema, type Scenario } from '../../src/scenario.ts';
import { seededRandom } from '../../src/seeded-random.ts';
import { Testbed, type TestbedOptions } from '../../src/testbed.ts';
import type { GivenSample } from '../../src/ledger/compare-samples.ts';
import { environment } from './config.ts';
import { eventually } from './eventually.ts';

/** Runs in reverse order, whatever the test did. */
export class Cleanup {
  private readonly steps: (() => unknown)[] = [];

  later(step: () => unknown): void {
    this.steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) await step();
  }
}

export const temporaryFolder = (cleanup: Cleanup): string => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-e2e-'));
  cleanup.later(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A started server on free ports. */
export const testbed = async (
  folder: string,
  cleanup: Cleanup,
  over: Partial<TestbedOptions> = {},
): Promise<Testbed> => {
  const bed = new Testbed({
    dataDir: join(folder, 'server'),
    mqttPort: 0,
    httpPort: 0,
    environment,
    random: seededRandom('e2e'),
    badNetwork: false,
    ...over,
  });
  cleanup.later(async () => bed.stop());
  await bed.start();
  return bed;
};

export const scenarioOf = (total: number, samplePeriodMs: number, over: Partial<Scenario> = {}): Scenario => ({
  ...scenarioSchema.parse({ name: 'e2e', devices: { total, full: 0 }, samplePeriodMs }),
  ...over,
});

export interface TruthLine extends GivenSample {
  readonly givenAt: number;
}

/** What a pump program gave so far; a line that is being written is left out. */
export const truthOf = (file: string): readonly TruthLine[] => {
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TruthLine);
};

export const getJson = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

/** @returns the answer's body; fails on an answer that is no success */
export const sendJson = async <T>(method: string, url: string, body: object): Promise<T> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
};

/** Waits until a device is in one of the states. */
export const deviceState = async (bed: Testbed, deviceId: string, states: readonly string[]): Promise<string> =>
  eventually(`${deviceId} is ${states.join(' or ')}`, async () => {
    const { state } = await getJson<{ state?: string }>(`${bed.httpUrl}/api/devices/${deviceId}`);
    return state !== undefined && states.includes(state) ? state : undefined;
  });
