/** The programs under test as they are built, and how to run them. */
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVER_PROGRAM } from '../../load/built-server.ts';
import type { ProgramCommand } from './program.ts';

/** From `scripts/bench/kill/processes`, or the same below `scripts/dist`. */
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = HERE.slice(0, HERE.lastIndexOf(`${sep}scripts${sep}`));

export interface ServerPorts {
  readonly mqtt: number;
  readonly http: number;
}

/** Port 0 takes any free one. */
export const serverCommand = (dataDir: string, ports: ServerPorts): ProgramCommand => ({
  name: 'fleet server',
  file: process.execPath,
  args: [...SERVER_PROGRAM, 'run', `--data-dir=${dataDir}`, `--mqtt-port=${ports.mqtt}`, `--http-port=${ports.http}`],
});

export const agentCommand = (configFile: string): ProgramCommand => ({
  name: 'device agent',
  file: process.execPath,
  args: [join(ROOT, 'device-agent', 'dist', 'main.js'), 'run', '--config', configFile],
});
