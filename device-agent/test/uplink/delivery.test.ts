import { describe, expect, it } from '@jest/globals';
import { topics, type AnyRecord } from '@shoal/protocol';
import { agentAt, HandSensor, samples, withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { FleetFixture, withFleet, type StoredBatch } from '../fixtures/fleet-fixture.ts';

const valueOf = (record: AnyRecord): number | null | undefined => ('values' in record ? record.values['x'] : undefined);
const valuesOf = (fleet: FleetFixture): unknown[] =>
  fleet
    .distinct('readings')
    .sort((a, b) => a.sequence - b.sequence)
    .map(valueOf);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** The first time each record came, its sequence ascends within class and lane. */
const expectOrder = (batches: readonly StoredBatch[]): void => {
  const highest = new Map<string, number>();
  const seen = new Set<string>();
  for (const { epoch, priority, lane, records } of batches) {
    for (const { sequence } of records) {
      const key = `${epoch} ${sequence}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const line = `${epoch} ${priority} ${lane}`;
      expect(sequence).toBeGreaterThan(highest.get(line) ?? 0);
      highest.set(line, sequence);
    }
  }
};

describe('delivery to the fleet server', () => {
  it('sends what was recorded before the connect as backlog, what comes afterwards as live, and empties the outbox', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        fleet.answersBirths = false;
        await withAgent(
          { folder, port: fleet.port, sensors: [sensor], over: { fleet: { replyTimeoutMs: 300 } } },
          async (agent) => {
            sensor.give(...samples(1, 50));
            await eventually(() => agent.status().outbox.lastCommittedSequence >= 50);
            fleet.answersBirths = true;
            await eventually(() => agent.status().outbox.depth === 0);
            sensor.give(...samples(51, 60));
            await eventually(() => fleet.distinct('readings').length === 60);
          },
        );
        expect(valuesOf(fleet)).toEqual(upTo(60));
        const lanes = fleet.batches.filter(({ kind }) => kind === 'readings');
        expect(lanes.filter(({ lane }) => lane === 'live').flatMap(({ records }) => records.map(valueOf))).toEqual(
          upTo(60).slice(50),
        );
        expectOrder(fleet.batches);
      }),
    );
  }, 30_000);

  it('sends nothing before the birth is answered', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        fleet.answersBirths = false;
        await withAgent(
          { folder, port: fleet.port, sensors: [sensor], over: { fleet: { replyTimeoutMs: 100 } } },
          async () => {
            sensor.give(...samples(1, 10));
            await eventually(() => fleet.births.length >= 3);
            expect(fleet.batches).toEqual([]);
            expect(new Set(fleet.births.map(({ connectionId }) => connectionId)).size).toBe(fleet.births.length);
          },
        );
      }),
    );
  }, 30_000);

  it('has at least 32 messages in flight while it drains', async () => {
    const slow = new FleetFixture({ ackDelayMs: 50 });
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const over = { publish: { batchRecords: 10, maxInFlight: 64 } };
        fleet.answersBirths = false;
        await withAgent(
          { folder, port: fleet.port, sensors: [sensor], over: { ...over, fleet: { replyTimeoutMs: 200 } } },
          async (agent) => {
            sensor.give(...samples(1, 2_000));
            await eventually(() => agent.status().outbox.lastCommittedSequence >= 2_000);
            fleet.answersBirths = true;
            await eventually(() => agent.status().outbox.depth === 0);
            expect(agent.status().uplink.highestInFlight).toBeGreaterThanOrEqual(32);
          },
        );
        expect(fleet.highestWaiting).toBeGreaterThanOrEqual(32);
        expect(fleet.highestWaiting).toBeLessThanOrEqual(64);
        expect(valuesOf(fleet)).toEqual(upTo(2_000));
      }, slow),
    );
  }, 60_000);

  it('loses nothing and keeps order when the connection drops again and again', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        await withAgent(
          { folder, port: fleet.port, sensors: [sensor], over: { publish: { batchRecords: 7 } } },
          async (agent) => {
            for (let round = 0; round < 12; round += 1) {
              sensor.give(...samples(round * 50 + 1, round * 50 + 50));
              const before = fleet.batches.length;
              await eventually(() => fleet.batches.length > before + 2);
              fleet.dropConnections();
            }
            await eventually(() => agent.status().outbox.depth + agent.status().outbox.uncommitted === 0);
          },
        );
        expect(valuesOf(fleet)).toEqual(upTo(600));
        expectOrder(fleet.batches);
        expect(fleet.births.length).toBeGreaterThan(5);
      }),
    );
  }, 60_000);

  it('sends again what was stored and whose acknowledgement was lost: the same keys', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const lost: StoredBatch[] = [];
        fleet.acknowledges = (batch) => {
          if (batch.kind !== 'readings' || lost.length > 0) return true;
          lost.push(batch);
          fleet.dropConnections();
          return false;
        };
        await withAgent({ folder, port: fleet.port, sensors: [sensor] }, async (agent) => {
          sensor.give(...samples(1, 5));
          await eventually(() => fleet.distinct('readings').length === 5 && agent.status().outbox.depth === 0);
        });
        const again = fleet.batches.filter(({ kind }) => kind === 'readings').flatMap(({ records }) => records);
        expect(again).toEqual(expect.arrayContaining([...(lost[0]?.records ?? [])]));
      }),
    );
  }, 30_000);

  it('notices a half-open connection by its silence, even while it writes, and loses nothing by it', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        await withAgent(
          { folder, port: fleet.port, sensors: [sensor], over: { fleet: { keepaliveSeconds: 1 } } },
          async (agent) => {
            await eventually(() => agent.status().uplink.state === 'connected');
            fleet.freezeConnections();
            let value = 0;
            await eventually(() => {
              sensor.give(...samples(value + 1, value + 1));
              value += 1;
              // Not the state: an agent may be connected again between two looks.
              return agent.status().uplink.lastFailure !== null;
            });
            expect(agent.status().uplink.lastFailure).toContain('LINK_SILENT');
            await eventually(() => agent.status().outbox.depth === 0 && agent.status().outbox.uncommitted === 0);
            expect(valuesOf(fleet)).toEqual(upTo(value));
          },
        );
      }),
    );
  }, 30_000);

  it('goes on when the server is away, and delivers when it is back', async () => {
    await withFolder(async (folder) => {
      const fleet = new FleetFixture();
      await fleet.start();
      const sensor = new HandSensor();
      await withAgent({ folder, port: fleet.port, sensors: [sensor] }, async (agent) => {
        await eventually(() => agent.status().uplink.state === 'connected');
        await fleet.stop();
        sensor.give(...samples(1, 30));
        await eventually(() => agent.status().outbox.depth >= 30 && agent.status().uplink.failedAttempts > 2);
        await fleet.start();
        await eventually(() => agent.status().outbox.depth === 0);
      });
      await fleet.stop();
      expect(valuesOf(fleet)).toEqual(upTo(30));
    });
  }, 30_000);

  it('begins a new epoch when the server has more of this one than the outbox ever wrote', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        fleet.highestSequence = 1_000_000;
        await withAgent({ folder, port: fleet.port }, async () => {
          await eventually(() => fleet.births.length >= 2);
          fleet.highestSequence = 0;
          await eventually(() => fleet.batches.length > 0);
        });
        const epochs = new Set(fleet.births.map(({ epoch }) => epoch));
        expect(epochs.size).toBeGreaterThanOrEqual(2);
        expect(fleet.batches.every(({ epoch }) => epoch === fleet.births.at(-1)?.epoch)).toBe(true);
      }),
    );
  }, 30_000);

  it('says farewell with the id of its connection, and leaves an empty outbox', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        const agent = agentAt({ folder, port: fleet.port, sensors: [sensor] });
        await agent.start();
        await eventually(() => agent.status().uplink.state === 'connected');
        sensor.give(...samples(1, 20));
        await eventually(() => agent.status().counters.samples === 20);
        await agent.stop();
        expect(fleet.documentsOn(topics.presence('pump-07'))).toEqual([
          { v: 1, state: 'offline', connectionId: fleet.births[0]?.connectionId, reason: 'stopped' },
        ]);
        expect(valuesOf(fleet)).toEqual(upTo(20));
        expect(fleet.distinct('events').map((event) => ('kind' in event ? event.kind : ''))).toEqual([
          'agent.started',
          'agent.stopping',
        ]);
      }),
    );
  }, 30_000);

  it('leaves its last will with the broker', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          fleet.dropConnections();
          await eventually(() => fleet.documentsOn(topics.presence('pump-07')).length > 0);
          expect(fleet.documentsOn(topics.presence('pump-07'))[0]).toMatchObject({
            state: 'offline',
            reason: 'lost',
            connectionId: fleet.births[0]?.connectionId,
          });
        });
      }),
    );
  }, 30_000);
});
