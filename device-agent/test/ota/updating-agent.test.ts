import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readCatalog } from '@shoal/models';
import { topics, type SignedAssignment, type UpdateReport } from '@shoal/protocol';
import { HandSensor, withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { withFleet, type FleetFixture } from '../fixtures/fleet-fixture.ts';
import { withReleases } from './release-server.ts';

const T0 = Date.UTC(2026, 2, 9, 10, 0, 0);
const sample = (index: number) => ({
  observedAt: T0 + index * 1_000,
  values: {
    Accelerometer1RMS: 0.027,
    Accelerometer2RMS: 0.04,
    Current: 0.992,
    Pressure: 0.0547,
    Temperature: 69.4,
    Thermocouple: 26.4,
    Voltage: 231.5,
    'Volume Flow RateRMS': 32,
  },
});

/** The shipped model under another version: the same weights, signed by nobody but the repository. */
const repacked = async (folder: string, version: string, releaseCounter: number): Promise<string> => {
  const shipped = (await readCatalog()).find((entry) => entry.name === 'pump-anomaly' && entry.version === '1.0.0');
  const copy = join(folder, `pump-anomaly-${version}`);
  await cp(shipped?.folder ?? '', copy, { recursive: true });
  const path = join(copy, 'manifest.json');
  const manifest: object = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...manifest, version, releaseCounter }));
  return copy;
};

const desire = (fleet: FleetFixture, version: number, updates: SignedAssignment): void =>
  fleet.send(topics.desiredTwin('pump-07'), { v: 1, version, desired: { updates } });

const reportedUpdates = (fleet: FleetFixture): UpdateReport[] =>
  (
    fleet.documentsOn(topics.reportedTwin('pump-07')) as { reported: { updates?: Record<string, UpdateReport> } }[]
  ).flatMap(({ reported }) => reported.updates?.['pump-anomaly'] ?? []);

const eventStates = (fleet: FleetFixture): unknown[] =>
  fleet
    .distinct('events')
    .sort((a, b) => a.sequence - b.sequence)
    .flatMap((event) => ('kind' in event && event.kind === 'model.update' ? [event.data?.['state']] : []));

describe('an agent that is assigned another version of its model', () => {
  it('fetches, verifies, tries, shadows, switches without losing a window, and runs it after a restart', async () => {
    await withFolder((folder) =>
      withReleases((server) =>
        withFleet(async (fleet) => {
          const release = await server.release(await repacked(folder, '1.0.1', 2));
          const over = {
            models: [{ bundle: 'pump-anomaly', version: '1.0.0', calibrationSamples: 60 }],
            updates: { url: server.url },
          };
          const sensor = new HandSensor();
          let given = 0;
          const give = (samples: number): void => {
            sensor.give(...Array.from({ length: samples }, (_, index) => sample(given + index)));
            given += samples;
          };
          const place = { folder: join(folder, 'agent'), port: fleet.port, over };
          await withAgent({ ...place, sensors: [sensor] }, async (agent) => {
            await eventually(() => agent.status().models[0]?.status === 'ready');
            await eventually(() => agent.status().uplink.state === 'connected');
            give(100);
            const shadow = { minWindows: 5, maxSeconds: 600, minAgreementPpm: 900_000 };
            desire(fleet, 1, server.assign([server.assigned(release, { shadow })]));
            await eventually(() => {
              // The next window once the one before is answered, and only for who looks at windows.
              const { inference, windows } = agent.status().models[0] ?? {};
              const isLookedAt = ['shadow', 'probation'].includes(String(eventStates(fleet).at(-1)));
              if (isLookedAt && inference?.predictions === windows?.emitted) give(10);
              return reportedUpdates(fleet).at(-1)?.state === 'committed';
            });
            await eventually(() => reportedUpdates(fleet).at(-1)?.confirmed === true);
            // The event goes another way than the report.
            await eventually(() => eventStates(fleet).at(-1) === 'committed');
            expect(eventStates(fleet)).toEqual([
              'assigned',
              'downloading',
              'verifying',
              'staged',
              'self-test',
              'shadow',
              'activating',
              'probation',
              'committed',
            ]);
            await eventually(() => agent.status().models[0]?.inference.queued === 0);
            const { inference, windows, model } = agent.status().models[0] ?? {};
            expect(model?.version).toBe('1.0.1');
            expect(inference).toMatchObject({ dropped: 0, failed: {} });
            await eventually(
              () => agent.status().models[0]?.inference.predictions === agent.status().models[0]?.windows.emitted,
            );
            expect(windows?.emitted).toBeGreaterThan(8);
          });
          const versions = fleet
            .distinct('predictions')
            .sort((a, b) => a.sequence - b.sequence)
            .map((prediction) => ('model' in prediction ? prediction.model.version : ''));
          expect(versions).toEqual([...versions].sort());
          expect(new Set(versions)).toEqual(new Set(['1.0.0', '1.0.1']));
          await withAgent({ ...place, sensors: [new HandSensor()] }, async (agent) => {
            await eventually(() => agent.status().models[0]?.status === 'ready');
            expect(agent.status().models[0]?.model.version).toBe('1.0.1');
          });
        }),
      ),
    );
  }, 120_000);
});
