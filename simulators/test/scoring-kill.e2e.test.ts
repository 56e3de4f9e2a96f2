/** Scoring runs of a real server over HTTP: killed in the middle, paused over a restart, canceled and taken up, and the scores are the same. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import type { ScoringRun } from '@shoal/protocol';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, sendJson, temporaryFolder, testbed } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const ROWS = 8_000;
const CHANGED = 1_000;
/** Of the shipped model, which answers with the largest of most of its inputs. */
const WIDTH = 11;
const PATIENCE_MS = 120_000;

/** Every eighth row is another one when `night` is. */
const csvOf = (night: number): string => {
  const inputs = Array.from({ length: WIDTH }, (_, index) => `x${index}`);
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const first = ((row % 700) + (row % (ROWS / CHANGED) === 0 ? night : 0)) / 1_024;
    return [`pump-${String(row).padStart(5, '0')}`, first, ...inputs.slice(1).map(() => 0)].join(',');
  });
  return [['entity', ...inputs].join(','), ...rows, ''].join('\n');
};

test(
  'A run that is killed, paused or canceled in the middle goes on to the scores of one that nobody touched',
  async () => {
    const folder = temporaryFolder(cleanup);
    const imports = join(folder, 'imports');
    mkdirSync(imports);
    const bed = await testbed(folder, cleanup, {
      environment: { ...environment, SHOAL_SCORING_IMPORT_FOLDER: imports },
    });
    const api = (path: string): string => `${bed.httpUrl}/api/scoring/${path}`;
    const define = (name: string, mode: string): Promise<unknown> =>
      sendJson('POST', api('jobs'), {
        name,
        mode,
        model: { name: 'pump-anomaly', version: '1.1.0' },
        entities: { kind: 'file', path: 'pumps.csv' },
        chunkRows: 8,
      });
    const submit = (job: string, asOf: number): Promise<ScoringRun> =>
      sendJson('POST', api(`jobs/${job}/runs`), { asOf });
    const show = (id: string): Promise<ScoringRun> => getJson(api(`runs/${id}`));
    const order = (id: string, word: string): Promise<ScoringRun> => sendJson('POST', api(`runs/${id}/${word}`), {});
    const ended = (id: string): Promise<ScoringRun> =>
      eventually(
        `${id} ends`,
        async () => {
          const run = await show(id);
          return ['published', 'failed'].includes(run.state) ? run : undefined;
        },
        PATIENCE_MS,
      );
    const further = async (id: string, done: number): Promise<void> => {
      await eventually(`${id} is in the middle`, async () => (await show(id)).progress.done > done, PATIENCE_MS);
      expect((await show(id)).state).toBe('running');
    };

    writeFileSync(join(imports, 'pumps.csv'), csvOf(1));
    await define('changes', 'incremental');
    const asOf = Date.now();
    expect(await ended((await submit('changes', asOf)).id)).toMatchObject({ state: 'published', base: null });

    writeFileSync(join(imports, 'pumps.csv'), csvOf(2));
    const { id } = await submit('changes', asOf + 1);
    await further(id, 0);
    await bed.killServer();
    await bed.startServer();
    const changes = await ended(id);
    expect(changes).toMatchObject({ state: 'published', progress: { scored: CHANGED, carried: ROWS - CHANGED } });
    expect(changes.attempts).toBeGreaterThan(1);

    await define('whole', 'full');
    const whole = await submit('whole', asOf + 1);
    await further(whole.id, 0);
    expect(await order(whole.id, 'pause')).toMatchObject({ state: 'paused' });
    const { done } = (await show(whole.id)).progress;
    await bed.killServer();
    await bed.startServer();
    expect(await show(whole.id)).toMatchObject({ state: 'paused', progress: { done } });
    await order(whole.id, 'resume');
    expect(await order(whole.id, 'cancel')).toMatchObject({ state: 'canceled' });
    const kept = (await show(whole.id)).progress.done;
    expect(await submit('whole', asOf + 1)).toMatchObject({ id: whole.id, progress: { done: kept } });
    const end = await ended(whole.id);
    expect(end).toMatchObject({ state: 'published', progress: { scored: ROWS, carried: 0 } });
    expect(end.summary).toEqual(changes.summary);
  },
  4 * PATIENCE_MS,
);
