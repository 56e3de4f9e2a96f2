/** A real agent as a child process, started again on the same data. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentConfigInput } from '@shoal/device-agent';
import { z } from 'zod';
import type { SpawnCommand } from '../../src/faults/disk.ts';
import { ReadyProcess } from '../../src/ready-process.ts';
import { environment } from './config.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const agentReadySchema = z.object({
  event: z.literal('ready'),
  deviceId: z.string(),
  localUrl: z.string().nullable(),
  pid: z.int(),
});
export type AgentReady = z.infer<typeof agentReadySchema>;

export interface AgentProcessOptions {
  readonly folder: string;
  readonly deviceId: string;
  readonly fleetPort: number;
  readonly over: Partial<AgentConfigInput>;
  readonly wrap?: (command: SpawnCommand) => SpawnCommand;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Quick to reconnect, any local port. */
export const agentProcess = (options: AgentProcessOptions): ReadyProcess<AgentReady> => {
  const { folder, deviceId, fleetPort, over, wrap = (command: SpawnCommand) => command } = options;
  const config = {
    deviceId,
    dataDir: join(folder, deviceId),
    fleet: { port: fleetPort, reconnectFirstMs: 100, reconnectMaxMs: 500, twinReportMs: 200, timeSyncMs: 1_000 },
    localApi: { port: 0 },
    ...over,
  };
  const file = join(folder, `${deviceId}.json`);
  writeFileSync(file, JSON.stringify(config));
  const args = [join(ROOT, 'device-agent', 'dist', 'main.js'), 'run', '--config', file];
  return new ReadyProcess({
    name: `agent ${deviceId}`,
    ready: agentReadySchema,
    command: () => wrap({ file: process.execPath, args }),
    ...(options.environment && { environment: options.environment }),
  });
};

export const startAgent = async (agent: ReadyProcess<AgentReady>): Promise<AgentReady> => agent.start(environment);

/** A pump that prints its samples, ahead of real time: `periodMs` apart by the clock, a second apart in event time. */
export const pumpSensor = (truth: string, periodMs: number): NonNullable<AgentConfigInput['sensors']>[number] => ({
  type: 'json-lines',
  name: 'pump',
  command: process.execPath,
  args: [
    join(ROOT, 'simulators', 'dist', 'pump-program', 'main.js'),
    `--truth=${truth}`,
    `--period-ms=${periodMs}`,
    '--step-ms=1000',
    '--backdate-ms=3600000',
  ],
});
