/** Cases through a real agent process: loaded by its model repository, asked over its local HTTP API. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Tensors } from '@shoal/protocol';
import type { CasePath, PreparedCase } from './case-path.ts';
import { ask, viaBinary, viaJson } from './http-asking.ts';

export interface AgentUnderTest {
  /** Starts the process when it does not run; the address of its local API. */
  url(): Promise<string>;
  /** Loads a model and lets the one before go. */
  load(bundle: string): Promise<void>;
  stop(): Promise<void>;
}

const MAIN = join(import.meta.dirname, '../../../../device-agent/bin/shoal-agent.mjs');

const startAgent = async (
  folder: string,
  bundles: string,
  anchor: string,
): Promise<readonly [ChildProcess, string]> => {
  const config = join(folder, 'agent.json');
  await writeFile(
    config,
    JSON.stringify({
      deviceId: 'eval-onnx',
      dataDir: join(folder, 'data'),
      logLevel: 'error',
      fleet: { port: 9, reconnectFirstMs: 60_000, reconnectMaxMs: 3_600_000 },
      models: [{ bundle: anchor }],
      localApi: { port: 0, modelFolder: bundles, maxBodyBytes: 67_108_864 },
      stopDrainMs: 0,
    }),
  );
  const child = spawn(process.execPath, [MAIN, 'run', '-c', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { localUrl } = JSON.parse(line) as { readonly localUrl: string | null };
    if (localUrl !== null) return [child, localUrl];
  }
  throw new Error('the agent ended before it was ready');
};

/** `anchor` is a bundle that stays loaded, so that the engine process is not started anew for each case. */
export const agentUnderTest = (folder: string, bundles: string, anchor: string): AgentUnderTest => {
  let running: Promise<readonly [ChildProcess, string]> | undefined;
  let loaded: string | undefined;
  const url = async (): Promise<string> => {
    running ??= startAgent(folder, bundles, anchor);
    return (await running)[1];
  };
  return {
    url,
    load: async (bundle) => {
      if (loaded === bundle) return;
      const at = await url();
      const before = loaded;
      await ask(at, `/v2/repository/models/${bundle}/load`, {});
      loaded = bundle;
      if (before !== undefined) await ask(at, `/v2/repository/models/${before}/unload`, {});
    },
    stop: async () => {
      if (running === undefined) return;
      const [child] = await running;
      running = undefined;
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
};

export const agentPaths = (agent: AgentUnderTest): CasePath[] => {
  const path = (name: string, run: (url: string, prepared: PreparedCase) => Promise<Tensors>): CasePath => ({
    name,
    closeness: null,
    start: async () => void (await agent.url()),
    run: async (prepared) => {
      await agent.load(prepared.bundle);
      return run(await agent.url(), prepared);
    },
    stop: () => agent.stop(),
  });
  return [path('http_json', viaJson), path('http_binary', viaBinary)];
};
