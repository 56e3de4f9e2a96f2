/** The same model on the real server, asked with an entity, whose features it looks up, and with the same inputs in the request. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinEntityViews } from '@shoal/models';
import type { FeatureColumns } from '@shoal/protocol';
import { interleave, median, medianRatio } from '../harness.ts';
import { BenchChild } from '../load/child.ts';
import { VIEW } from '../load/feature-store-under-test.ts';
import type { ServerUnderTest } from '../load/server-under-test.ts';
import type { ClosedReport, LoadOrder } from '../serving/http-load.ts';
import { network, predict, writeNetworkBundle } from '../serving/network-model.ts';

const WIDTHS = [VIEW.features.length, 64, 32, 1];
const CLIENTS = 32;
const READ_AT_ONCE = 500;
const CHECKED = 50;
/** Distinct requests without an entity, sent in turn. */
const INPUTS_SENT = 4_000;
const ROUNDS = { full: 7, quick: 5 } as const;
const SECONDS = { full: 4, quick: 1.5 } as const;
const WARM_SECONDS = 2;
/** Relative, between single and double precision. */
const TOLERANCE = 1e-3;

export interface EntityRequestsOptions {
  /** Not started; its data folder has the filled feature store. */
  readonly server: ServerUnderTest;
  /** Named by requests in turn: as traffic mostly is, some far more often than others; and each as rarely as all others. */
  readonly entities: Readonly<Record<'with' | 'even', readonly string[]>>;
  readonly quick: boolean;
  readonly log: (line: string) => void;
}

export interface EntityRequestsResult {
  readonly figures: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

const WAYS = ['with', 'even', 'without'] as const;
type Way = (typeof WAYS)[number];
type Bodies = Readonly<Record<Way, readonly string[]>>;

class EntityRequests {
  readonly #options: EntityRequestsOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-features-'));
  readonly #load = new BenchChild('../serving/http-load');
  readonly #layers = network(WIDTHS);
  readonly #p99Ms: Record<Way, number[]> = { with: [], even: [], without: [] };
  readonly #cpuUs: Record<Way, number[]> = { with: [], even: [], without: [] };
  #failures = 0;
  #wrong = 0;

  constructor(options: EntityRequestsOptions) {
    this.#options = options;
  }

  async run(): Promise<EntityRequestsResult> {
    try {
      const { server, entities, quick, log } = this.#options;
      await this.#start();
      const vectors = await this.#vectors(entities.even.slice(0, INPUTS_SENT));
      const bodies: Bodies = {
        with: entities.with.map((entity) => JSON.stringify({ entity })),
        even: entities.even.map((entity) => JSON.stringify({ entity })),
        without: vectors.map((features) => JSON.stringify({ features })),
      };
      for (const way of ['even', 'without'] as const) await this.#check(bodies[way], vectors);
      for (const way of WAYS) await this.#closed(bodies, way, WARM_SECONDS);
      const size = quick ? 'quick' : 'full';
      const ask = (way: Way) => () => this.#closed(bodies, way, SECONDS[size]);
      const contenders = { with: ask('with'), even: ask('even'), without: ask('without') };
      const perSecond = await interleave(ROUNDS[size], contenders, log);
      return {
        figures: {
          with_features_ratio: medianRatio(perSecond.with, perSecond.without),
          with_features_even_ratio: medianRatio(perSecond.even, perSecond.without),
          with_features_per_second: median(perSecond.with),
          without_features_per_second: median(perSecond.without),
          with_features_p99_ms: median(this.#p99Ms.with),
          without_features_p99_ms: median(this.#p99Ms.without),
          // What a request costs the server, which other work on the machine changes less than the requests per second.
          with_features_cpu_us: median(this.#cpuUs.with),
          with_features_even_cpu_us: median(this.#cpuUs.even),
          without_features_cpu_us: median(this.#cpuUs.without),
          server_reads: await server.metric('shoal_feature_reads_total'),
        },
        faults: [
          ...(this.#wrong > 0 ? [`${this.#wrong} predictions were not those of the model`] : []),
          ...(this.#failures > 0 ? [`${this.#failures} requests failed`] : []),
        ],
      };
    } finally {
      await this.#load.end();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  /** The view is known by its definition alone; what the store holds of its entities is there already. */
  async #start(): Promise<void> {
    const { server } = this.#options;
    const plan = {
      layers: this.#layers,
      row: VIEW.features.map(() => 1),
      more: { entityView: pinEntityViews([VIEW]) },
    };
    await server.start({
      SHOAL_INFERENCE_CATALOGUE: 'leave',
      SHOAL_INFERENCE_BUNDLE_FOLDERS: await writeNetworkBundle(this.#folder, plan),
      // Until the view is defined no bundle that pins it loads, which the log says.
      SHOAL_LOG_LEVEL: 'fatal',
    });
    await server.post('/api/feature-views', VIEW);
    await server.post('/v2/repository/models/bench-network/load');
  }

  /** Of each entity, as the API reads it: what a caller without a feature store would send. */
  async #vectors(entities: readonly string[]): Promise<number[][]> {
    const { server } = this.#options;
    const vectors: number[][] = [];
    for (let first = 0; first < entities.length; first += READ_AT_ONCE) {
      const some = entities.slice(first, first + READ_AT_ONCE);
      const { results } = await server.post<FeatureColumns>(`/api/features/${VIEW.name}/read`, { entities: some });
      vectors.push(...some.map((_, row) => results.map(({ values }) => Number(values[row]))));
    }
    return vectors;
  }

  async #check(bodies: readonly string[], vectors: readonly (readonly number[])[]): Promise<void> {
    const answers = await this.#load.ask<string[]>({ ...this.#target(bodies.slice(0, CHECKED)), what: 'once' });
    for (const [index, answer] of answers.entries()) {
      const { prediction } = JSON.parse(answer) as { readonly prediction?: readonly number[] };
      const [expected = 0] = predict(this.#layers, (vectors[index] ?? []).map(Math.fround));
      const difference = Math.abs((prediction?.[0] ?? Number.NaN) - expected);
      if (!(difference <= TOLERANCE * Math.max(1, Math.abs(expected)))) this.#wrong += 1;
    }
  }

  /** @returns requests per second */
  async #closed(bodies: Bodies, way: Way, seconds: number): Promise<number> {
    const order: LoadOrder = { ...this.#target(bodies[way]), what: 'closed', clients: CLIENTS, seconds };
    const before = this.#options.server.cpuMs();
    const { perSecond, p99, failures } = await this.#load.ask<ClosedReport>(order);
    this.#failures += failures;
    this.#p99Ms[way].push(p99);
    this.#cpuUs[way].push(((this.#options.server.cpuMs() - before) * 1_000) / (perSecond * seconds));
    return perSecond;
  }

  #target(bodies: readonly string[]): {
    readonly port: number;
    readonly path: string;
    readonly bodies: readonly string[];
  } {
    return { port: this.#options.server.httpPort, path: '/predict', bodies };
  }
}

export const entityRequests = (options: EntityRequestsOptions): Promise<EntityRequestsResult> =>
  new EntityRequests(options).run();
