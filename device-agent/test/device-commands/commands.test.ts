import { describe, expect, it } from '@jest/globals';
import { topics, type CommandOutcome } from '@shoal/protocol';
import { CommandDesk, type CommandHandler } from '../../src/device-commands/command-desk.ts';
import { RememberedCommands, rememberedCommandsSchema } from '../../src/device-commands/remembered-commands.ts';
import { StateFile } from '../../src/state-file.ts';
import { silentLogger } from '../../src/runtime.ts';
import { withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { FleetFixture, withFleet } from '../fixtures/fleet-fixture.ts';

const DEVICE = 'pump-07';
const FAR = 4_000_000_000_000;

const command = (fleet: FleetFixture, name: string, commandId: string, expiresAt = FAR): void =>
  fleet.send(topics.command(DEVICE, name, commandId), { v: 1, commandId, name, expiresAt });
const outcomes = (fleet: FleetFixture, commandId: string): CommandOutcome[] =>
  fleet.documentsOn(topics.commandOutcome(DEVICE, commandId)) as CommandOutcome[];
const states = (fleet: FleetFixture, commandId: string): string[] =>
  outcomes(fleet, commandId).map(({ state }) => state);

describe('commands to a device', () => {
  it('are acknowledged, carried out and answered', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          command(fleet, 'ping', 'k-1');
          command(fleet, 'diagnostics', 'k-2');
          command(fleet, 'restart-engine', 'k-3');
          command(fleet, 'self-test', 'k-4');
          await eventually(() =>
            ['k-1', 'k-2', 'k-3', 'k-4'].every(
              (id) => outcomes(fleet, id).at(-1)?.state !== 'acknowledged' && outcomes(fleet, id).length > 0,
            ),
          );
        });
        expect(states(fleet, 'k-1')).toEqual(['acknowledged', 'succeeded']);
        expect(outcomes(fleet, 'k-1')[1]?.result).toMatchObject({ agentVersion: '0.1.0' });
        expect(outcomes(fleet, 'k-2')[1]?.result).toMatchObject({ deviceId: DEVICE, outbox: { health: 'ok' } });
        expect(states(fleet, 'k-3')).toEqual(['acknowledged', 'succeeded']);
        expect(states(fleet, 'k-4')).toEqual(['acknowledged', 'unsupported']);
      }),
    );
  }, 30_000);

  it('may ask how fast the models run here, and must say for how long', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const bench = (commandId: string, seconds: number): void =>
          fleet.send(topics.command(DEVICE, 'bench', commandId), {
            v: 1,
            commandId,
            name: 'bench',
            expiresAt: FAR,
            parameters: { seconds },
          });
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          bench('k-1', 0.1);
          bench('k-2', -1);
          await eventually(() => ['k-1', 'k-2'].every((id) => outcomes(fleet, id).length === 2));
        });
        const rows = outcomes(fleet, 'k-1')[1]?.result?.['models'];
        expect(rows).toContainEqual(
          expect.objectContaining({
            model: 'pump-anomaly',
            engine: 'native-child',
            problem: null,
            p50Ms: expect.any(Number),
          }),
        );
        expect(outcomes(fleet, 'k-2')[1]).toMatchObject({ state: 'failed', error: { code: 'COMMAND_FAILED' } });
      }),
    );
  }, 90_000);

  it('expire by the clock of the server, not by that of the device', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        fleet.clockAheadMs = 10_000_000;
        await withAgent({ folder, port: fleet.port }, async (agent) => {
          await eventually(() => agent.status().clock.offsetMs !== undefined);
          command(fleet, 'ping', 'k-1', Date.now() + 5_000_000);
          await eventually(() => outcomes(fleet, 'k-1').length > 0);
          command(fleet, 'ping', 'k-2', Date.now() + 15_000_000);
          await eventually(() => outcomes(fleet, 'k-2').length === 2);
        });
        expect(states(fleet, 'k-1')).toEqual(['expired']);
        expect(states(fleet, 'k-2')).toEqual(['acknowledged', 'succeeded']);
      }),
    );
  }, 30_000);

  it('are not carried out twice, not even after a restart: the remembered answer is given again', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        for (const start of [1, 2]) {
          await withAgent({ folder, port: fleet.port }, async (agent) => {
            await eventually(() => agent.status().uplink.state === 'connected');
            command(fleet, 'ping', 'k-1');
            await eventually(() => outcomes(fleet, 'k-1').length === start + 1);
          });
        }
        const [, first, again] = outcomes(fleet, 'k-1');
        expect(again).toEqual(first);
      }),
    );
  }, 30_000);
});

describe('the command desk', () => {
  const desk = async (folder: string, ping: CommandHandler) => {
    const remembered = new RememberedCommands(new StateFile(`${folder}/commands.json`, rememberedCommandsSchema));
    await remembered.start(5);
    const sent: CommandOutcome[] = [];
    const clock = { serverNow: () => 1, now: () => 1 };
    const made = new CommandDesk({
      deviceId: DEVICE,
      handlers: { ping },
      remembered,
      logger: silentLogger(),
      ...clock,
    });
    made.online({
      birth: { v: 1, epoch: '0'.repeat(20), highestSequence: 0, serverTime: 1 },
      publish: async (_topic, payload) =>
        void sent.push(JSON.parse(Buffer.from(payload).toString('utf8')) as CommandOutcome),
      request: () => Promise.reject(new Error('not asked here')),
      renew: () => undefined,
      abort: () => undefined,
    });
    const take = (commandId: string): void =>
      made.message(
        { direction: 'down', deviceId: DEVICE, what: 'command', name: 'ping', commandId },
        Buffer.from(JSON.stringify({ v: 1, commandId, name: 'ping', expiresAt: FAR })),
      );
    return { sent, take };
  };

  it('says so when a command fails', async () => {
    await withFolder(async (folder) => {
      const { sent, take } = await desk(folder, () => Promise.reject(new Error('no such luck')));
      take('k-1');
      await eventually(() => sent.length === 2);
      expect(sent[1]).toMatchObject({ state: 'failed', error: { code: 'COMMAND_FAILED', message: 'no such luck' } });
    });
  });

  it('answers a command that a stop interrupted as failed, without running it again', async () => {
    await withFolder(async (folder) => {
      const before = await desk(folder, () => new Promise(() => undefined));
      before.take('k-1');
      await eventually(() => before.sent.length === 1);
      let runs = 0;
      const after = await desk(folder, async () => ({ runs: (runs += 1) }));
      after.take('k-1');
      await eventually(() => after.sent.length === 1);
      expect(after.sent[0]).toMatchObject({ state: 'failed', error: { code: 'COMMAND_INTERRUPTED' } });
      expect(runs).toBe(0);
    });
  });
});
