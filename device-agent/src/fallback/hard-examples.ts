/** Windows that device and fleet judged differently, or that the fleet judged too late: kept, bounded, for who trains the next model. */
import { z } from 'zod';
import type { StateFile } from '../state-file.ts';

const answerSchema = z.object({ label: z.string().optional(), outputs: z.record(z.string(), z.number()) });

export const hardExampleSchema = z.object({
  /** End of the window; milliseconds since the epoch. */
  at: z.number(),
  kind: z.enum(['late', 'disagreement']),
  model: z.string(),
  vectorHash: z.string().nullable(),
  /** As sent to the fleet. */
  features: z.array(z.number()),
  local: answerSchema.nullable(),
  remote: answerSchema,
  remoteModel: z.string(),
  /** Of the device, 0 to 1. */
  uncertainty: z.number(),
});
export type HardExample = z.infer<typeof hardExampleSchema>;
export const hardExamplesSchema = z.array(hardExampleSchema);

const labelOf = ({ remote }: HardExample): string => remote.label ?? '';

/** What an example is worth: unsure ones more, disagreements more, labels that few have more. */
export const exampleValue = (example: HardExample, shareOfLabel: number): number =>
  ((example.kind === 'disagreement' ? 1 : 0.5) + example.uncertainty) / shareOfLabel;

/** The most valuable ones, at most `most`, in order of arrival. Pure. */
export const keepMostValuable = (examples: readonly HardExample[], most: number): readonly HardExample[] => {
  let kept = [...examples];
  while (kept.length > most) {
    const counts = new Map<string, number>();
    for (const example of kept) counts.set(labelOf(example), (counts.get(labelOf(example)) ?? 0) + 1);
    const values = kept.map((example) => exampleValue(example, (counts.get(labelOf(example)) ?? 1) / kept.length));
    const least = values.indexOf(Math.min(...values));
    kept = kept.filter((_, index) => index !== least);
  }
  return kept;
};

export interface HardExampleOptions {
  readonly file: StateFile<HardExample[]>;
  readonly most: number;
  /** Between writes, to spare the flash. */
  readonly writeMs: number;
}

export class HardExamples {
  readonly #options: HardExampleOptions;
  #kept: readonly HardExample[] = [];
  #evicted = 0;
  #unsaved = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HardExampleOptions) {
    this.#options = options;
  }

  /** Takes up those of an earlier process. */
  async start(): Promise<void> {
    const before = (await this.#options.file.read()) ?? [];
    this.#kept = keepMostValuable([...before, ...this.#kept], this.#options.most);
  }

  /** One of a window of a model that is here already is replaced. */
  add(example: HardExample): void {
    const others = this.#kept.filter(({ at, model }) => at !== example.at || model !== example.model);
    const grown = [...others, example];
    this.#kept = keepMostValuable(grown, this.#options.most);
    this.#evicted += grown.length - this.#kept.length;
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.writeMs).unref();
  }

  list(): readonly HardExample[] {
    return this.#kept;
  }

  counters(): { readonly kept: number; readonly evicted: number; readonly failedWrites: number } {
    return { kept: this.#kept.length, evicted: this.#evicted, failedWrites: this.#unsaved };
  }

  /** What cannot be written is kept in memory and written with the next ones. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#options.file.write([...this.#kept]).catch(() => void (this.#unsaved += 1));
  }
}
