/** A whole fleet server in the test's own process, on free ports and a fresh folder; what costs a second at its start is left out unless asked for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startServer, type RunningServer } from '../src/commands/run.ts';
import { loadConfig } from '../src/config.ts';

export interface TestServer extends RunningServer {
  readonly dataDir: string;
  readonly mqttPort: number;
  /** Body of a GET as JSON. */
  get(path: string): Promise<unknown>;
  /** Value of one sample of /metrics, 0 when there is none; `name` with its labels as exposed. */
  metric(name: string): Promise<number>;
  stopAndRemove(): Promise<void>;
}

export const startTestServer = async (
  environment: Readonly<Record<string, string>> = {},
  dataDir = mkdtempSync(join(tmpdir(), 'shoal-server-')),
): Promise<TestServer> => {
  const lazily = {
    SHOAL_INFERENCE_START: 'lazy',
    SHOAL_GRPC_PORT: '0',
    SHOAL_MODELS_CATALOGUE: 'leave',
    // Beside other suites a run that steps back would hardly come to its end.
    SHOAL_SCORING_NICENESS: '0',
    ...environment,
  };
  const config = loadConfig({ file: undefined, environment: lazily, flags: { dataDir, mqttPort: '0', httpPort: '0' } });
  const server = await startServer(config, pino({ level: 'silent' }));
  const get = async (path: string): Promise<unknown> => (await fetch(server.httpUrl + path)).json();
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length));
  };
  const stopAndRemove = async (): Promise<void> => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { ...server, dataDir, mqttPort: Number(new URL(server.mqttUrl).port), get, metric, stopAndRemove };
};

/** Far longer than anything takes; a condition that never holds must not keep the test process alive. */
const PATIENCE_MS = 30_000;

/** Polls until the condition holds. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`This did not come true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
