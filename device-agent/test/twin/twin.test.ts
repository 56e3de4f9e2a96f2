import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { mergePatch, reportedStateSchema, topics, type JsonObject, type ReportedTwin } from '@shoal/protocol';
import { HandSensor, sample, samples, withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { FleetFixture, withFleet } from '../fixtures/fleet-fixture.ts';

const DEVICE = 'pump-07';
const desire = (fleet: FleetFixture, version: number, desired: JsonObject): void =>
  fleet.send(topics.desiredTwin(DEVICE), { v: 1, version, desired });
const reports = (fleet: FleetFixture): ReportedTwin[] =>
  fleet.documentsOn(topics.reportedTwin(DEVICE)) as ReportedTwin[];
const reported = (fleet: FleetFixture): JsonObject =>
  reports(fleet).reduce<JsonObject>(
    (state, { mode, reported: part }) => mergePatch(mode === 'whole' ? {} : state, part),
    {},
  );
const eventKinds = (fleet: FleetFixture): string[] =>
  fleet.distinct('events').map((event) => ('kind' in event ? event.kind : ''));

describe('the twin of a device', () => {
  it('is reported whole after each connect, in the shape the server reads', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        await withAgent({ folder, port: fleet.port, sensors: [new HandSensor()] }, async () => {
          await eventually(() => reports(fleet).length > 0);
          fleet.dropConnections();
          await eventually(() => reports(fleet).filter(({ mode }) => mode === 'whole').length === 2);
        });
        const state = reportedStateSchema.parse(reported(fleet));
        expect(state.health).toMatchObject({ state: 'ok', reasons: [] });
        expect(state.outbox?.dropped).toEqual({});
        expect(JSON.stringify(reports(fleet)[0])).not.toContain('null');
      }),
    );
  }, 30_000);

  it('changes the agent while it runs, and reports the version it applied', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const sensor = new HandSensor();
        await withAgent({ folder, port: fleet.port, sensors: [sensor] }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          desire(fleet, 3, { publish: { everyNthReading: 10 } });
          await eventually(() => reports(fleet).at(-1)?.appliedVersion === 3);
          sensor.give(...samples(1, 100));
          await eventually(() => agent.status().counters.samples === 100);
          expect(agent.status().counters).toMatchObject({ readings: 10, readingsSkipped: 90 });
          desire(fleet, 4, { sensors: { hand: { enabled: false } } });
          await eventually(() => agent.status().sensors[0]?.state === 'disabled');
          sensor.give(sample(101));
          desire(fleet, 5, {});
          await eventually(() => agent.status().twin.appliedVersion === 5);
          sensor.give(sample(102));
          await eventually(() => agent.status().counters.samples >= 101);
          expect(agent.status().sensors[0]?.state).toBe('running');
          await eventually(() => eventKinds(fleet).filter((kind) => kind === 'configuration.applied').length === 3);
        });
      }),
    );
  }, 30_000);

  it('refuses what is not valid, says why, and keeps the last good one', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          desire(fleet, 1, { publish: { everyNthReading: 5 } });
          await eventually(() => agent.status().twin.appliedVersion === 1);
          desire(fleet, 2, { publish: { everyNthReading: 'often' } });
          await eventually(() => reported(fleet)['refusal'] !== undefined);
          expect(reported(fleet)['refusal']).toMatchObject({ version: 2, code: 'DESIRED_INVALID' });
          expect(agent.status().twin).toMatchObject({
            appliedVersion: 1,
            desired: { publish: { everyNthReading: 5 } },
          });
          desire(fleet, 3, {});
          await eventually(
            () => reported(fleet)['refusal'] === undefined && reports(fleet).at(-1)?.appliedVersion === 3,
          );
          await eventually(() => eventKinds(fleet).includes('configuration.refused'));
        });
      }),
    );
  }, 30_000);

  it('is remembered for a start without network', async () => {
    await withFolder(async (folder) => {
      const fleet = new FleetFixture();
      await fleet.start();
      await withAgent({ folder, port: fleet.port }, async (agent) => {
        await eventually(() => agent.status().uplink.state === 'connected');
        desire(fleet, 7, { publish: { everyNthReading: 2 } });
        await eventually(() => reports(fleet).at(-1)?.appliedVersion === 7);
      });
      await fleet.stop();
      const sensor = new HandSensor();
      await withAgent({ folder, port: fleet.port, sensors: [sensor] }, async (agent) => {
        expect(agent.status().twin.appliedVersion).toBe(7);
        sensor.give(...samples(1, 10));
        await eventually(() => agent.status().counters.samples === 10);
        expect(agent.status().counters.readings).toBe(5);
      });
    });
  }, 30_000);

  it('survives messages that are none', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          fleet.sendBytes(topics.desiredTwin(DEVICE), Buffer.from('{broken'));
          fleet.sendBytes(topics.desiredTwin(DEVICE), Buffer.from([0x1f, 0x8b, 1, 2, 3]));
          fleet.sendBytes(topics.command(DEVICE, 'ping', 'k-1'), Buffer.from('{}'));
          fleet.sendBytes(topics.reply(DEVICE, 'r-1'), Buffer.alloc(0));
          fleet.send(`shoal/v1/devices/${DEVICE}/down/unheard-of`, {});
          desire(fleet, 1, {});
          await eventually(() => agent.status().twin.appliedVersion === 1);
          expect(agent.status().uplink.connects).toBe(1);
        });
      }),
    );
  }, 30_000);
});

describe('the context of a device', () => {
  it('is asked for, kept on disk and served with its age', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const over = { localApi: { port: 0 } };
        const context = async (url: string | null): Promise<JsonObject> =>
          (await (await fetch(`${url}/context`)).json()) as JsonObject;
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          await eventually(async () => (await context(agent.localUrl()))['asOf'] !== null);
          expect(await context(agent.localUrl())).toMatchObject({ values: { site: 'north' }, stale: false });
          await eventually(async () =>
            (await readFile(join(folder, 'context.json'), 'utf8').catch(() => '')).includes('north'),
          );
        });
        fleet.answersBirths = false;
        await withAgent({ folder, port: fleet.port, over }, async (agent) => {
          expect(await context(agent.localUrl())).toMatchObject({ values: { site: 'north' } });
        });
      }),
    );
  }, 30_000);
});
