/** The same model behind `POST /predict`: by us with batching and without, by the usual Flask sample, and by that under gunicorn. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, median, medianRatio, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';
import { seeded } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';
import { FlaskSample, missingForFlask, writeFlaskSample } from './serving/flask-sample.ts';
import type { ClosedReport, LoadOrder } from './serving/http-load.ts';
import { network, predict, writeNetworkBundle } from './serving/network-model.ts';
import type { RawOrder } from './serving/raw-onnxruntime.ts';

const WIDTHS = [32, 64, 32, 1];
const ROWS = 64;
const CLIENTS = 32;
const ROUNDS = { full: 7, quick: 2 } as const;
const SECONDS = { full: 4, quick: 1.5 } as const;
const WARM_SECONDS = { full: 3, quick: 1.5 } as const;
const RAW_RUNS = { full: 4_000, quick: 1_000 } as const;
/** Relative, between single and double precision. */
const TOLERANCE = 1e-3;

/** `bare`: a constant answer of Node's HTTP server, the ceiling of everything that answers through it. */
const CONTENDERS = ['shoal', 'unbatched', 'flask', 'gunicorn', 'bare'] as const;
type Contender = (typeof CONTENDERS)[number];

const drawRows = (): number[][] => {
  const random = seeded(11);
  return Array.from({ length: ROWS }, () =>
    Array.from({ length: WIDTHS[0] ?? 1 }, () => Math.fround(random() * 2 - 1)),
  );
};

type Terms =
  { readonly what: 'once' } | { readonly what: 'closed'; readonly clients: number; readonly seconds: number };

class ServingRun {
  readonly #options: BenchOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-serving-'));
  readonly #layers = network(WIDTHS);
  readonly #rows = drawRows();
  readonly #bodies = this.#rows.map((features) => JSON.stringify({ features }));
  readonly #batched = new ServerUnderTest();
  readonly #unbatched = new ServerUnderTest();
  readonly #samples: readonly FlaskSample[];
  readonly #load = new BenchChild('../serving/http-load');
  readonly #raw = new BenchChild('../serving/raw-onnxruntime', { ORT_DISABLE_TELEMETRY: '1' });
  readonly #bare = new BenchChild('../serving/bare-http');
  readonly #ports = new Map<Contender, number>();
  readonly #generator = new Map<Contender, number[]>();
  readonly #lone = { shoal: [] as number[], raw: [] as number[] };
  #failures = 0;
  #wrong = 0;

  constructor(options: BenchOptions, withFlask: boolean) {
    this.#options = options;
    this.#samples = withFlask
      ? [new FlaskSample(this.#folder, 'flask'), new FlaskSample(this.#folder, 'gunicorn')]
      : [];
  }

  async run(): Promise<BenchResult> {
    try {
      const bundle = await this.#start();
      const size = this.#options.quick ? 'quick' : 'full';
      for (const contender of this.#ports.keys()) if (contender !== 'bare') await this.#check(contender);
      for (const contender of this.#ports.keys()) await this.#closed(contender, CLIENTS, WARM_SECONDS[size]);
      this.#generator.clear();
      const perSecond = await this.#measure(join(bundle, 'model.onnx'));
      const added = this.#lone.shoal.map((ms, round) => ms - (this.#lone.raw[round] ?? Number.NaN));
      const ratio = (to: Contender): number | null =>
        this.#ports.has(to) ? medianRatio(perSecond.shoal, perSecond[to]) : null;
      return {
        figures: {
          clients: CLIENTS,
          requests_per_second: median(perSecond.shoal),
          unbatched_per_second: median(perSecond.unbatched),
          flask_per_second: this.#ports.has('flask') ? median(perSecond.flask) : null,
          gunicorn_per_second: this.#ports.has('gunicorn') ? median(perSecond.gunicorn) : null,
          vs_flask: ratio('flask'),
          vs_gunicorn: ratio('gunicorn'),
          batching_gain: ratio('unbatched'),
          bare_http_per_second: median(perSecond.bare),
          of_bare_http: ratio('bare'),
          generator_cpu_pct: median(this.#generator.get('shoal') ?? []),
          generator_cpu_pct_gunicorn: this.#ports.has('gunicorn')
            ? median(this.#generator.get('gunicorn') ?? [])
            : null,
          p50_ms_1_client: median(this.#lone.shoal),
          raw_p50_ms: median(this.#lone.raw),
          added_ms_p50: median(added),
        },
        faults: [
          ...(this.#wrong > 0 ? [`${this.#wrong} predictions were not those of the model`] : []),
          ...(this.#failures > 0 ? [`${this.#failures} requests failed`] : []),
        ],
      };
    } finally {
      await this.#stop();
    }
  }

  /** @returns the folder of the bundle */
  async #start(): Promise<string> {
    const bundle = await writeNetworkBundle(join(this.#folder, 'bundles'), {
      layers: this.#layers,
      row: this.#rows[0] ?? [],
    });
    const own = { SHOAL_INFERENCE_CATALOGUE: 'leave', SHOAL_INFERENCE_BUNDLE_FOLDERS: bundle, SHOAL_LOG_LEVEL: 'warn' };
    await this.#batched.start(own);
    await this.#unbatched.start({ ...own, SHOAL_INFERENCE_MAX_BATCH_ROWS: '1' });
    await Promise.all([this.#batched.modelsReady(), this.#unbatched.modelsReady()]);
    this.#ports.set('shoal', this.#batched.httpPort).set('unbatched', this.#unbatched.httpPort);
    this.#ports.set('bare', await this.#bare.ask<number>({}));
    if (this.#samples.length > 0) writeFlaskSample(this.#folder, this.#layers);
    for (const [index, sample] of this.#samples.entries()) {
      await sample.start();
      this.#ports.set(index === 0 ? 'flask' : 'gunicorn', sample.port);
    }
    return bundle;
  }

  /** Whoever answers something else is not asked for his speed. */
  async #check(contender: Contender): Promise<void> {
    const answers = await this.#ask<string[]>(contender, { what: 'once' });
    for (const [index, answer] of answers.entries()) {
      const { prediction } = JSON.parse(answer) as { readonly prediction?: readonly number[] };
      const [expected = 0] = predict(this.#layers, this.#rows[index] ?? []);
      const difference = Math.abs((prediction?.[0] ?? Number.NaN) - expected);
      if (!(difference <= TOLERANCE * Math.max(1, Math.abs(expected)))) this.#wrong += 1;
    }
  }

  async #measure(modelPath: string): Promise<Record<Contender, number[]>> {
    const { quick, log } = this.#options;
    const size = quick ? 'quick' : 'full';
    const features = this.#rows[0] ?? [];
    const throughput = (contender: Contender) => async (): Promise<number> => {
      if (!this.#ports.has(contender)) return Number.NaN;
      return (await this.#closed(contender, CLIENTS, SECONDS[size])).perSecond;
    };
    const { added: _, ...figures } = await interleave(
      ROUNDS[size],
      {
        added: async () => {
          const { p50 } = await this.#closed('shoal', 1, SECONDS[size] / 2);
          const raw = await this.#raw.ask<number>({ modelPath, features, runs: RAW_RUNS[size] } satisfies RawOrder);
          this.#lone.shoal.push(p50);
          this.#lone.raw.push(raw);
          return p50 - raw;
        },
        shoal: throughput('shoal'),
        unbatched: throughput('unbatched'),
        flask: throughput('flask'),
        gunicorn: throughput('gunicorn'),
        bare: throughput('bare'),
      },
      log,
    );
    return figures;
  }

  async #closed(contender: Contender, clients: number, seconds: number): Promise<ClosedReport> {
    const report = await this.#ask<ClosedReport>(contender, { what: 'closed', clients, seconds });
    this.#failures += report.failures;
    if (clients === CLIENTS)
      this.#generator.set(contender, [...(this.#generator.get(contender) ?? []), report.generatorCpuPct]);
    return report;
  }

  #ask<T>(contender: Contender, order: Terms): Promise<T> {
    const target = { port: this.#ports.get(contender) ?? 0, path: '/predict', bodies: this.#bodies };
    return this.#load.ask<T>({ ...order, ...target } satisfies LoadOrder);
  }

  async #stop(): Promise<void> {
    await Promise.all([this.#load.end(), this.#raw.end(), this.#bare.end()]);
    await Promise.all(this.#samples.map((sample) => sample.stop()));
    await this.#batched.stop();
    await this.#unbatched.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export const bench: Bench = {
  name: 'serving',
  about: 'one model behind POST /predict: batched, unbatched, Flask, gunicorn',
  run: async (options) => {
    const missing = missingForFlask();
    if (missing !== undefined && options.isCi) return { figures: {}, faults: [missing] };
    if (missing !== undefined) options.log(`without Flask and gunicorn: ${missing}`);
    return new ServingRun(options, missing === undefined).run();
  },
};
