import { describe, expect, it } from '@jest/globals';
import { mergePatch, topics, type JsonObject, type ReportedTwin } from '@shoal/protocol';
import { totalDrops } from '../../src/outbox/drop-counts.ts';
import { HandSensor, samples, withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { FleetFixture, withFleet } from '../fixtures/fleet-fixture.ts';

describe('records lost to the bounds of the outbox', () => {
  it('make up the whole with what arrived, also when they were evicted while they were in flight', async () => {
    await withFolder((folder) =>
      withFleet(
        async (fleet) => {
          const sensor = new HandSensor();
          const over = { outbox: { maxRecords: { reading: 60 } }, publish: { batchRecords: 10 } };
          await withAgent({ folder, port: fleet.port, sensors: [sensor], over }, async (agent) => {
            for (let round = 0; round < 20; round += 1) {
              sensor.give(...samples(round * 40 + 1, round * 40 + 40));
              const before = fleet.batches.length;
              await eventually(() => fleet.batches.length > before);
              if (round % 5 === 4) fleet.dropConnections();
            }
            await eventually(() => agent.status().outbox.depth + agent.status().outbox.uncommitted === 0);
            const arrived = fleet.distinct('readings').length;
            expect(arrived + totalDrops(agent.status().outbox.dropped)).toBeGreaterThanOrEqual(800);
            expect(arrived).toBeLessThanOrEqual(800);
          });
        },
        new FleetFixture({ ackDelayMs: 20 }),
      ),
    );
  }, 60_000);

  it('are counted exactly, told as an event and reported in the twin', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        fleet.answersBirths = false;
        const over = { outbox: { maxRecords: { reading: 100 } }, fleet: { replyTimeoutMs: 100 } };
        await withAgent({ folder, port: fleet.port, sensors: [sensor], over }, async (agent) => {
          sensor.give(...samples(1, 350));
          await eventually(() => agent.status().counters.samples === 350 && agent.status().outbox.uncommitted === 0);
          expect(agent.status().outbox.dropped).toEqual({ reading: { count: 250 } });
          fleet.answersBirths = true;
          const told = (): number =>
            fleet
              .distinct('events')
              .map((event) =>
                'kind' in event && event.kind === 'records.dropped' ? Number(event.data?.['reading.count']) : 0,
              )
              .reduce((sum, count) => sum + count, 0);
          await eventually(() => told() === 250);
          const reports = (): ReportedTwin[] => fleet.documentsOn(topics.reportedTwin('pump-07')) as ReportedTwin[];
          const state = (): JsonObject =>
            reports().reduce<JsonObject>((merged, { reported }) => mergePatch(merged, reported), {});
          await eventually(() => JSON.stringify(state()['outbox'] ?? {}).includes('"dropped":{"reading":250}'));
          await eventually(() => fleet.distinct('readings').length === 100);
        });
        const kept = fleet.distinct('readings').map((reading) => ('values' in reading ? reading.values['x'] : null));
        expect(kept.sort((a, b) => Number(a) - Number(b))).toEqual(
          Array.from({ length: 100 }, (_, index) => 251 + index),
        );
      }),
    );
  }, 30_000);
});
