/** Scenarios are checked, played in order, and leave the world as it was. */
import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { roughWeather } from '../src/rough-weather.ts';
import { playScenario, type Surroundings } from '../src/scenario-player.ts';
import { readScenario, timeline } from '../src/scenario.ts';

const base = { name: 'test', devices: { total: 4, full: 1 } };
const SHIPPED = fileURLToPath(new URL('../scenarios/', import.meta.url));

const journal = () => {
  const done: string[] = [];
  const note = (what: string) => (): void => void done.push(what);
  const noteSoon = (what: string) => async (): Promise<void> => void done.push(what);
  const surroundings: Surroundings = {
    network: (conditions) => void done.push(conditions === undefined ? 'good network' : 'bad network'),
    resetConnections: note('reset'),
    killServer: noteSoon('kill'),
    startServer: noteSoon('start'),
    freezeServer: note('freeze'),
    thawServer: note('thaw'),
    fillDisk: note('fill'),
    freeDisk: note('free'),
  };
  return { done, surroundings };
};

test('every fault of a scenario is named with its path', () => {
  expect(() => readScenario({ ...base, network: [{ atS: -1, forS: 1, conditions: {} }], pump: [] })).toThrow(
    /network\.0\.atS.*pump/,
  );
  expect(() => readScenario({ ...base, devices: { total: 1, full: 2 } })).toThrow('more full agents than devices');
  expect(() => readScenario({ ...base, clocks: [{ device: 4 }] })).toThrow('a device beyond the fleet');
});

test('what begins also ends, in the order of time', () => {
  const scenario = readScenario({
    ...base,
    network: [{ atS: 2, forS: 2, conditions: { stalled: true } }],
    server: [{ atS: 1, forS: 2, action: 'kill' }],
    resetsAtS: [5],
  });
  expect(timeline(scenario).map(({ atMs, disturbance }) => [atMs, disturbance.what])).toEqual([
    [1_000, 'kill-server'],
    [2_000, 'network'],
    [3_000, 'start-server'],
    [4_000, 'network'],
    [5_000, 'reset-connections'],
  ]);
});

test('a scenario is played to its end', async () => {
  const { done, surroundings } = journal();
  const scenario = readScenario({
    ...base,
    network: [{ atS: 0.01, forS: 0.02, conditions: { refusing: true } }],
    server: [{ atS: 0.02, forS: 0.02, action: 'freeze' }],
    disk: [{ atS: 0.05, forS: 0.01 }],
  });
  expect(await playScenario(scenario, surroundings, new AbortController().signal)).toBe(6);
  expect(done.slice(0, 6)).toEqual(['bad network', 'freeze', 'good network', 'thaw', 'fill', 'free']);
});

test('one that is broken off leaves a good network, a running server and a free disk', async () => {
  const { done, surroundings } = journal();
  const scenario = readScenario({ ...base, server: [{ atS: 0, forS: 3_600, action: 'kill' }] });
  const stop = new AbortController();
  await playScenario(scenario, { ...surroundings, killServer: async () => stop.abort() }, stop.signal);
  expect(done).toEqual(['good network', 'thaw', 'free', 'start']);
});

test('fault names become a scenario that a seed decides', () => {
  const size = { total: 25, full: 3 };
  const all = new Set(['net', 'clock', 'kill', 'disk'] as const);
  const rough = roughWeather(size, all, 120, 'a');
  expect(roughWeather(size, all, 120, 'a')).toEqual(rough);
  expect(roughWeather(size, all, 120, 'b')).not.toEqual(rough);
  for (const part of [rough.network, rough.server, rough.disk, rough.clocks, rough.resetsAtS]) {
    expect(part.length).toBeGreaterThan(0);
  }
  expect(Math.max(...timeline(rough).map(({ atMs }) => atMs))).toBeLessThan(120_000);
  const calm = roughWeather(size, new Set(), undefined, 'a');
  expect(timeline(calm)).toEqual([]);
  expect(calm.clocks).toEqual([]);
});

test.each(readdirSync(SHIPPED))('the shipped scenario %s is valid and bears its own name', (file) => {
  const scenario = readScenario(JSON.parse(readFileSync(join(SHIPPED, file), 'utf8')));
  expect(`${scenario.name}.json`).toBe(file);
  expect(scenario.description).not.toBe('');
});
