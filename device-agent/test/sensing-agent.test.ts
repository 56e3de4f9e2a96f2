import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { expectedWindows, type BundleContent } from '@shoal/models';
import { topics, type Prediction } from '@shoal/protocol';
import { DOUBLING } from '../../models/test/hostile-models.ts';
import { BundleShelf, contentOf, TINY_VIEW } from '../../models/test/test-bundles.ts';
import type { AgentConfigInput } from '../src/agent.ts';
import { withAgent } from './fixtures/agent-fixture.ts';
import { eventually, withFolder } from './fixtures/conditions.ts';
import { FleetFixture, withFleet } from './fixtures/fleet-fixture.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());

const WINDOWS = { first: { lengthMs: 1_000, hopMs: 1_000 }, second: { lengthMs: 2_000, hopMs: 1_000 } } as const;

/** Doubles the mean of `channel` over a window. */
const doubling = async (name: keyof typeof WINDOWS, channel: string): Promise<string> => {
  const manifest: Partial<BundleContent['manifest']> = {
    name,
    featureView: { ...TINY_VIEW, channels: [channel], resample: { ...TINY_VIEW.resample, maxGapMs: 5_000 } },
    window: { channels: [channel], sampleRateHz: 1, minCoverage: 0, ...WINDOWS[name] },
  };
  return (await shelf.write(contentOf({ model: DOUBLING, manifest }))).folder;
};

const T0 = Date.UTC(2020, 2, 9, 10, 0, 0);
const csv = (channel: string, rows: readonly (readonly [second: number, value: number])[]): string =>
  [`time,${channel}`, ...rows.map(([second, value]) => `${T0 + second * 1_000},${value}`)].join('\n');

const predictionsOf = (fleet: FleetFixture, model: string): Prediction[] =>
  fleet
    .distinct('predictions')
    .filter((record): record is Prediction => 'model' in record && record.model.name === model)
    .sort((a, b) => a.sequence - b.sequence);

/** Appends what it is told, a line each time. */
const noting = (file: string) => ({
  kind: 'command' as const,
  file: '/bin/sh',
  args: ['-c', 'cat >> "$1"', 'sh', file],
});
const notes = async (file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(file, 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A pump that is hot from second 30 on; one model, and another one that looks at its predictions. */
const chained = async (folder: string): Promise<Partial<AgentConfigInput>> => {
  const file = join(folder, 'pump.csv');
  const rows = Array.from({ length: 60 }, (_, second) => [second, second < 30 ? 1 : 10] as const);
  await writeFile(file, csv('x', rows));
  return {
    sensors: [{ type: 'replay', name: 'pump', file, speed: 1e6, timeMapping: 'recorded' }],
    models: [
      { bundle: await doubling('second', 'score'), name: 'two', source: 'model:one' },
      { bundle: await doubling('first', 'x'), name: 'one' },
    ],
    localActions: { note: noting(join(folder, 'notes')) },
    rules: {
      hot: { when: { model: 'two', value: 'score', above: 30, clearAt: 10, holdMs: 3_000 }, actions: ['note'] },
    },
  };
};

describe('two models in a chain and a rule on the second', () => {
  it('give every window its prediction, and one firing, which a restart does not repeat', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const over = await chained(folder);
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await agent.finished();
          expect(agent.status().rules).toMatchObject([{ state: 'active', fired: 1, failedActions: 0 }]);
        });
        const one = predictionsOf(fleet, 'first');
        const two = predictionsOf(fleet, 'second');
        expect(one).toHaveLength(59);
        const plan = expectedWindows(
          one.map(({ observedAt }) => observedAt),
          { ...WINDOWS.second, sampleRateHz: 1, minCoverage: 0 },
        );
        expect(plan.length).toBeGreaterThan(50);
        expect(two.map(({ window }) => window)).toEqual(plan);
        expect(two.at(-1)?.outputs).toEqual({ score: 40 });
        // Hot from second 30: 'first' says so at 31, 'second' has two such at 33, and it held for 3 s at 36.
        const told = { rule: 'hot', transition: 'fired', observedAt: T0 + 36_000, value: 40, stream: 'model:two' };
        expect(await notes(join(folder, 'notes'))).toMatchObject([told]);

        const quiet = csv(
          'x',
          Array.from({ length: 60 }, (_, second) => [second + 100, 10] as const),
        );
        await writeFile(join(folder, 'pump.csv'), quiet);
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await agent.finished();
          expect(agent.status().rules).toMatchObject([{ state: 'active', fired: 0 }]);
        });
        expect(await notes(join(folder, 'notes'))).toHaveLength(1);
        expect(fleet.distinct('events').filter((event) => 'kind' in event && event.kind === 'rule.fired')).toHaveLength(
          1,
        );
      }),
    );
  }, 60_000);
});

describe('a model of two sources', () => {
  it('joins recordings by event time exactly, however far apart they are read', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const [a, b] = [join(folder, 'a.csv'), join(folder, 'b.csv')];
        await writeFile(
          a,
          csv(
            'x',
            Array.from({ length: 300 }, (_, second) => [second, 1] as const),
          ),
        );
        await writeFile(
          b,
          csv(
            'y',
            Array.from({ length: 30 }, (_, index) => [index * 10 + 0.5, index] as const),
          ),
        );
        const recordings = [
          { type: 'replay', name: 'a', file: a, speed: 1e6, timeMapping: 'recorded' },
          { type: 'replay', name: 'b', file: b, speed: 1e6, timeMapping: 'recorded' },
        ] as const;
        const channels = ['x', 'y'];
        const manifest: Partial<BundleContent['manifest']> = {
          featureView: {
            ...TINY_VIEW,
            channels,
            resample: { ...TINY_VIEW.resample, maxGapMs: 10_000 },
            features: [{ op: 'statistics', channels: ['y'], of: ['mean'], quantiles: [] }],
          },
          window: { channels, sampleRateHz: 1, minCoverage: 0, lengthMs: 10_000, hopMs: 10_000 },
        };
        const { folder: bundle } = await shelf.write(contentOf({ model: DOUBLING, manifest }));
        const models = [{ bundle, source: ['a', 'b'], joinWaitMs: 1_000 }];
        await withAgent({ folder, port: fleet.port, over: { sensors: [...recordings], models } }, async (agent) => {
          await agent.finished();
          expect(agent.status().models[0]?.windows).toMatchObject({ late: 0, overflowed: 0, incomplete: 0 });
        });
        const predictions = predictionsOf(fleet, 'hostile');
        expect(predictions.map(({ outputs }) => outputs['score'])).toEqual(
          Array.from({ length: 29 }, (_, index) => 2 * index),
        );
        expect(predictions.every(({ window }) => window.count === 11)).toBe(true);
      }),
    );
  }, 60_000);
});

describe('a rule on a synthetic sensor, without any server', () => {
  const hot = { type: 'synthetic', name: 's', rateHz: 50, channels: [{ name: 't', mean: 50, amplitude: 0, noise: 0 }] };

  it('runs its command exactly once, and tells of an action that fails without stopping for it', async () => {
    await withFolder(async (folder) => {
      const over = {
        sensors: [hot as NonNullable<AgentConfigInput['sensors']>[number]],
        localActions: {
          note: noting(join(folder, 'notes')),
          broken: { kind: 'command' as const, file: '/bin/sh', args: ['-c', 'echo no such siren; exit 3'] },
        },
        rules: { hot: { when: { sensor: 's', value: 't', above: 40, holdMs: 100 }, actions: ['broken', 'note'] } },
      };
      await withAgent({ folder, port: 1, over }, async (agent) => {
        await eventually(async () => (await notes(join(folder, 'notes'))).length > 0);
        const { samples } = agent.status().counters;
        await eventually(() => agent.status().counters.samples > samples + 20);
        expect(agent.status().rules).toMatchObject([{ state: 'active', fired: 1, failedActions: 1 }]);
        expect(agent.status().rules[0]?.lastFailure).toContain('ended with 3. no such siren');
      });
      expect(await notes(join(folder, 'notes'))).toMatchObject([{ rule: 'hot', value: 50, deviceId: 'pump-07' }]);
    });
  }, 30_000);
});

describe('a rule that the fleet desires', () => {
  const sensors: AgentConfigInput['sensors'] = [
    { type: 'synthetic', name: 's', rateHz: 50, channels: [{ name: 't', mean: 50, amplitude: 0, noise: 0 }] },
  ];
  const when = { sensor: 's', value: 't', above: 40 };
  const desire = (fleet: FleetFixture, version: number, desired: object): void =>
    fleet.send(topics.desiredTwin('pump-07'), { v: 1, version, desired });

  it('is in force at once, may name actions of the device and no other, and is reported', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const over = { sensors, localActions: { note: noting(join(folder, 'notes')) } };
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          const command = { kind: 'command', file: '/bin/sh', args: [] };
          desire(fleet, 1, { rules: { hot: { when, actions: ['note', 'reboot'] } } });
          await eventually(() => agent.status().twin.refusal?.version === 1);
          expect(agent.status().twin.refusal?.message).toContain('reboot');
          desire(fleet, 2, { rules: { hot: { when, actions: [command] } } });
          await eventually(() => agent.status().twin.refusal?.version === 2);
          desire(fleet, 3, { localActions: { reboot: command }, rules: { hot: { when, actions: ['reboot'] } } });
          await eventually(() => agent.status().twin.refusal?.version === 3);
          expect(agent.status().rules).toEqual([]);
          desire(fleet, 4, { rules: { hot: { when, actions: ['note'] } } });
          await eventually(async () => (await notes(join(folder, 'notes'))).length === 1);
          await eventually(() =>
            JSON.stringify(fleet.documentsOn(topics.reportedTwin('pump-07'))).includes('"hot":{"state":"active"'),
          );
          desire(fleet, 5, {});
          await eventually(() => agent.status().rules.length === 0);
        });
        const kinds = fleet.distinct('events').map((event) => ('kind' in event ? event.kind : ''));
        expect(kinds.filter((kind) => kind.startsWith('rule.'))).toEqual(['rule.fired', 'rule.cleared']);
      }),
    );
  }, 30_000);

  it('is remembered without network, and not fired again for what it told before', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const over = { sensors, localActions: { note: noting(join(folder, 'notes')) } };
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          desire(fleet, 1, { rules: { hot: { when, actions: ['note'] } } });
          await eventually(async () => (await notes(join(folder, 'notes'))).length === 1);
        });
        await withAgent({ folder, port: 1, over }, async (agent) => {
          await eventually(() => agent.status().counters.samples > 20);
          expect(agent.status().rules).toMatchObject([{ state: 'active', fired: 0 }]);
        });
        // The device no longer defines the action: it starts all the same, and says what it refuses.
        await withAgent({ folder, port: 1, over: { sensors } }, async (agent) => {
          expect(agent.status().twin.refusal).toMatchObject({ version: 1, code: 'DESIRED_INVALID' });
        });
        expect(await notes(join(folder, 'notes'))).toHaveLength(1);
      }),
    );
  }, 30_000);
});
