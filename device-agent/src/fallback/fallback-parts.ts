/** Makes the fallback of one device: loaded by the first model that has one. */
import { join } from 'node:path';
import { z } from 'zod';
import type { FallbackConfig } from '../fallback-config.ts';
import type { Clock, Random } from '../runtime.ts';
import { StateFile } from '../state-file.ts';
import type { LinkParticipant } from '../uplink/fleet-link.port.ts';
import { RequestAllowance } from './budget.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { EscalatingSlot } from './escalating-slot.port.ts';
import { FallbackSlot } from './fallback-slot.ts';
import { HardExamples, hardExamplesSchema, type HardExample } from './hard-examples.ts';
import type { KeptAnswer } from './ladder.ts';
import { RemoteInference } from './remote-inference.ts';

export interface FallbackPartsOptions {
  readonly deviceId: string;
  readonly dataDir: string;
  readonly config: FallbackConfig;
  /** Takes part in every connection from now on. */
  readonly join: (participant: LinkParticipant) => void;
  /** What the fleet knows of this device. */
  readonly context: () => Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly random: Random;
}

const WRITE_EXAMPLES_MS = 60_000;

/** `score:{model}` in the context of a device: what last night's run said of it. */
const nightlySchema = z.object({
  asOf: z.number(),
  outputs: z.record(z.string(), z.number()),
  label: z.string().optional(),
  threshold: z.number().optional(),
  exceeded: z.boolean().default(false),
});

export class FallbackParts {
  readonly #options: FallbackPartsOptions;
  readonly #remote: RemoteInference;
  readonly #breaker = new CircuitBreaker();
  readonly #allowance: RequestAllowance;
  readonly #examples: HardExamples;

  constructor(options: FallbackPartsOptions) {
    const { config, clock, deviceId, dataDir } = options;
    const monotonic = (): number => clock.monotonic();
    this.#options = options;
    this.#remote = new RemoteInference(deviceId, monotonic, () => this.#breaker.reconnected(monotonic()));
    this.#allowance = new RequestAllowance(config.requestsPerMinute, config.burst, monotonic());
    this.#examples = new HardExamples({
      file: new StateFile(join(dataDir, 'hard-examples.json'), hardExamplesSchema),
      most: config.hardExamples,
      writeMs: WRITE_EXAMPLES_MS,
    });
  }

  async start(): Promise<void> {
    await this.#examples.start();
    this.#options.join(this.#remote);
  }

  async stop(): Promise<void> {
    this.#remote.offline();
    await this.#examples.flush();
  }

  examples(): readonly HardExample[] {
    return this.#examples.list();
  }

  slot(slot: EscalatingSlot): FallbackSlot {
    const { config, clock, random } = this.#options;
    const { name } = slot.model;
    const sibling = config.siblings[name] ?? { model: slot.bundle.manifest.fallback.model ?? name, vectors: 1 };
    return new FallbackSlot({
      slot,
      sibling,
      settings: () => ({
        budgetMs: slot.desiredFallback?.budgetMs ?? config.budgetMs,
        policy: { ...config.policy, ...slot.desiredFallback?.policy },
      }),
      remote: this.#remote,
      breaker: this.#breaker,
      allowance: this.#allowance,
      examples: this.#examples,
      nightly: () => this.#nightly(name),
      recentMaxAgeMs: config.recentMaxAgeMs,
      nightlyMaxAgeMs: config.nightlyMaxAgeMs,
      clock,
      random,
    });
  }

  #nightly(model: string): KeptAnswer | undefined {
    const parsed = nightlySchema.safeParse(this.#options.context()[`score:${model}`]);
    if (!parsed.success) return undefined;
    const { asOf, outputs, label, threshold = Infinity, exceeded } = parsed.data;
    const verdict = { outputs, label, threshold, exceeded, engine: null, latencyMs: 0 };
    return { verdict, ageMs: Math.max(0, this.#options.clock.now() - asOf) };
  }
}
