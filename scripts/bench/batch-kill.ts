/** A scoring run while the server is killed again and again: the same scores in the end, and at most a chunk a kill scored twice. */
import { setTimeout as pause } from 'node:timers/promises';
import { leftRun, type LeftRun } from './batch/left-run.ts';
import { ScoringServer } from './batch/scoring-server.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { seededRandom } from './kill/seeded-random.ts';

const SCALE = {
  full: { entities: 400_000, kills: 100 },
  quick: { entities: 20_000, kills: 5 },
} as const;
const CHUNK_ROWS = 512;
const LOOK_MS = 5;
const PATIENCE_MS = 120_000;
/** After some chunks more of the run, so that no kill finds it where the last one left it. */
const CHUNKS_A_KILL = 4;

class BatchKills {
  readonly #options: BenchOptions;
  readonly #server = new ScoringServer();
  readonly #random: () => number;
  readonly #left: LeftRun[] = [];

  constructor(options: BenchOptions, seed: string) {
    this.#options = options;
    this.#random = seededRandom(seed);
  }

  async run(seed: string): Promise<BenchResult> {
    const { quick, log } = this.#options;
    const { entities, kills } = quick ? SCALE.quick : SCALE.full;
    const faults: string[] = [];
    try {
      await this.#server.prepare(entities, { chunkRows: CHUNK_ROWS });
      const whole = await this.#server.published((await this.#server.submit()).id);
      const { id } = await this.#server.submit();
      for (let kill = 1; kill <= kills; kill += 1) {
        if (!(await this.#killInside(id))) faults.push(`The run ended before kill ${kill}.`);
        if (kill % 20 === 0) log(`killed ${kill} times, ${this.#left.at(-1)?.done} rows are committed`);
      }
      const run = await this.#server.published(id);
      await this.#server.kill();
      const last = leftRun(this.#server.dataDir, id);
      const mismatch = run.summary?.checksum === whole.summary?.checksum ? 0 : 1;
      const rescored = (last.begun - last.committed) * CHUNK_ROWS;
      const midChunk = this.#left.filter(({ leased }) => leased > 0).length;
      if (mismatch > 0) faults.push('The scores are not those of the run that nobody killed.');
      if (run.summary?.rows !== entities) faults.push(`${run.summary?.rows} of ${entities} entities have a score.`);
      if (last.twice > 0) faults.push(`${last.twice} entities have two scores.`);
      if (rescored > kills * CHUNK_ROWS) faults.push(`${rescored} rows were scored again in ${kills} kills.`);
      faults.push(
        ...this.#left.flatMap(({ damage }) =>
          damage === null ? [] : [`After a kill the file is damaged: ${damage}.`],
        ),
      );
      return {
        figures: {
          seed,
          entities,
          kills,
          kills_mid_chunk: midChunk,
          checksum_mismatch: mismatch,
          rescored_rows_per_kill: rescored / kills,
          chunk_rows: CHUNK_ROWS,
          attempts: run.attempts,
        },
        faults,
      };
    } finally {
      await this.#server.kill();
      this.#server.remove();
    }
  }

  /** @returns false when there was nothing left to kill */
  async #killInside(id: string): Promise<boolean> {
    const before = leftRun(this.#server.dataDir, id).committed;
    const wanted = before + 1 + Math.floor(this.#random() * CHUNKS_A_KILL);
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await pause(LOOK_MS)) {
      const { committed, state } = leftRun(this.#server.dataDir, id);
      if (state === 'published' || state === 'failed') return false;
      if (committed >= wanted) break;
    }
    await pause(this.#random() * LOOK_MS);
    await this.#server.kill();
    this.#left.push(leftRun(this.#server.dataDir, id, true));
    await this.#server.start();
    return true;
  }
}

const run = async (options: BenchOptions): Promise<BenchResult> => {
  const seed = options.seed ?? `batch-${Date.now().toString(36)}`;
  options.log(`seed ${seed}`);
  return new BatchKills(options, seed).run(seed);
};

export const bench: Bench = {
  name: 'batch-kill',
  about: 'a scoring run goes on where a kill left it, and comes to the same scores',
  run,
};
