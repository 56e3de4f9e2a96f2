import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { createNativeEngine, createWasmEngine, type EngineFactory, type InferenceEngine } from '@shoal/models';
import { codeOf, eventually, isAlive } from '../conditions.ts';
import { DOUBLING, GIGABYTE_CONSTANT, HANGING_ABOVE_1000, HOARDING } from '../hostile-models.ts';
import { BundleShelf, contentOf, x } from '../test-bundles.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const engines: InferenceEngine[] = [];
const open = (create: EngineFactory, limits: Parameters<EngineFactory>[0] = {}): InferenceEngine => {
  const engine = create(limits);
  engines.push(engine);
  return engine;
};
const hosts: ChildProcess[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) host.kill('SIGKILL');
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});
afterAll(() => shelf.dispose());

const both: [string, EngineFactory][] = [
  ['native-child', createNativeEngine],
  ['wasm-child', createWasmEngine],
];

/** Prints what a program imports by name. */
const TELLING = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
  registerHooks({ resolve: (name, context, next) => (/^[@a-z]/.test(name) && console.error('imports ' + name), next(name, context)) });`,
)}`;

test.each(['native/native-child', 'wasm/wasm-child', 'tfjs/tfjs-child'])(
  'the process of %s starts without the schemas of the wire, which would cost it half a second and their memory',
  async (entry) => {
    const path = fileURLToPath(new URL(`../../src/engine/${entry}.ts`, import.meta.url));
    const child = spawn(process.execPath, ['--conditions=source', '--import', TELLING, path], {
      env: { ORT_DISABLE_TELEMETRY: '1' },
    });
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (told += text));
    await once(child, 'close');
    const imported = [...told.matchAll(/imports (\S+)/g)].map(([, name]) => name);
    expect(imported.some((name) => /^(onnxruntime|@tensorflow)/.test(name ?? ''))).toBe(true);
    expect(imported).not.toContain('@shoal/protocol');
  },
);

describe.each(both)('the process of %s', (_kind, create) => {
  test('has telemetry off, nothing of the parent in its environment, and an empty folder of its own that goes with it', async () => {
    const engine = open(create);
    const model = await engine.load(await shelf.bundle({ model: DOUBLING }));
    await model.infer(x(1));
    const pid = model.stats().pid ?? 0;
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const folder = await readlink(`/proc/${pid}/cwd`);
    expect(environment).toContain('ORT_DISABLE_TELEMETRY=1');
    expect(
      environment
        .map((entry) => entry.split('=')[0])
        .filter(Boolean)
        .sort((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1)),
    ).toEqual(['HOME', 'MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_', 'ORT_DISABLE_TELEMETRY', 'PATH', 'PWD', 'TMPDIR']);
    expect(environment).toContain(`HOME=${folder}`);
    expect(await readdir(folder)).toEqual([]);
    await engine.close();
    expect(existsSync(folder)).toBe(false);
  });

  test('is stopped by the watch on its memory', async () => {
    const resources = { memoryMb: 700, diskBytes: 1, arch: [], minimumAgent: '0.1.0' };
    const bundle = await shelf.bundle({ model: HOARDING, golden: [[0, 0]], manifest: { resources } });
    const limits = () => ({ startMs: 20_000, pollMs: 100, residentBytes: 400_000_000 });
    const model = await open(create, { limits }).load(bundle);
    const error: unknown = await model.infer(x(120)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INPUT_BREAKS_MODEL', cause: { code: 'ENGINE_OUT_OF_MEMORY' } });
    expect((await model.infer(x(0))).outputs['score']?.data[0]).toBe(0);
  });

  test('stays far below the gigabyte that 68 bytes of model declare', async () => {
    const engine = open(create);
    const model = await engine.load(await shelf.bundle({ model: GIGABYTE_CONSTANT })).catch(() => null);
    const code = model === null ? 'refused' : await codeOf(model.infer(x(1)));
    const pid = model?.stats().pid ?? null;
    const peakKb = pid === null ? 0 : Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
    expect(peakKb).toBeLessThan(400_000);
    expect([
      'refused',
      'ENGINE_OUT_OF_MEMORY',
      'MODEL_RUN_FAILED',
      'INPUT_BREAKS_MODEL',
      'MODEL_QUARANTINED',
    ]).toContain(code);
  });
});

const HOST = fileURLToPath(new URL('./fixtures/host.ts', import.meta.url));
const startHost = async (folder: string, mode: string) => {
  const host = spawn(process.execPath, ['--conditions=source', HOST, folder, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  hosts.push(host);
  const exited = once(host, 'exit');
  const [first] = (await once(host.stdout.setEncoding('utf8'), 'data')) as [string];
  return { host, exited, engine: Number(first) };
};

describe('an engine process', () => {
  test('dies with a parent that is killed, even in the middle of a run', async () => {
    const { folder } = await shelf.write(contentOf({ model: HANGING_ABOVE_1000 }));
    const { host, exited, engine } = await startHost(folder, 'hang');
    expect(await isAlive(engine)).toBe(true);
    host.kill('SIGKILL');
    await exited;
    await eventually(async () => !(await isAlive(engine)));
  });

  test('does not keep an idle parent from ending', async () => {
    const { folder } = await shelf.write(contentOf({ model: HANGING_ABOVE_1000 }));
    const { exited, engine } = await startHost(folder, 'idle');
    expect(await exited).toEqual([0, null]);
    await eventually(async () => !(await isAlive(engine)));
  });

  test.each(['native/native-child.ts', 'wasm/wasm-child.ts'])(
    '%s refuses to start while telemetry is not off',
    async (entry) => {
      const path = fileURLToPath(new URL(`../../src/engine/${entry}`, import.meta.url));
      const child = spawn(process.execPath, ['--conditions=source', path], {
        env: {},
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const exited = once(child, 'exit');
      let talk = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (talk += text));
      expect((await exited)[0]).toBe(1);
      expect(talk).toContain('ORT_DISABLE_TELEMETRY=1');
    },
  );
});
