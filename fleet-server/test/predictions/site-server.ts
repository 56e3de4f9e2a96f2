/** A server with a model that is asked about sites: their features are values from outside, its answer is known by heart. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinEntityViews, readCatalog } from '@shoal/models';
import { entityViewSchema, type PredictionTicket } from '@shoal/protocol';
import { call, type Answer } from '../call.ts';
import { startTestServer, type TestServer } from '../running-server.ts';

const WIDTH = 11;
const NAMES = Array.from({ length: WIDTH }, (_, index) => `f${index}`);
const VIEW = entityViewSchema.parse({
  name: 'site',
  entity: 'site',
  maxAgeMs: 3_600_000,
  features: NAMES.map((name) => ({ name, source: { kind: 'pushed' }, missing: 'default', default: 0 })),
});

/** The shipped pump-anomaly model, which answers with the largest of most of its features, none of which is over 1 here. */
export const MODEL = 'site-risk';
export const rowOf = (largest: number): number[] => NAMES.map((_, index) => (index === 0 ? largest : 0));

export class SiteServer {
  readonly #root = mkdtempSync(join(tmpdir(), 'shoal-site-'));
  readonly #bundle = join(this.#root, MODEL);
  #running: TestServer | undefined;

  get server(): TestServer {
    if (this.#running === undefined) throw new Error('The server does not run.');
    return this.#running;
  }

  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const folder =
      (await readCatalog()).find(({ folder: at }) => at.endsWith(join('pump-anomaly', '1.1.0')))?.folder ?? '';
    cpSync(folder, this.#bundle, { recursive: true });
    const path = join(this.#bundle, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, name: MODEL, entityView: pinEntityViews([VIEW]) }));
    rmSync(join(this.#bundle, 'signature.json'), { force: true });
    await this.restart(environment);
    await call('POST', `${this.server.httpUrl}/api/feature-views`, VIEW);
    await call('POST', `${this.server.httpUrl}/v2/repository/models/${MODEL}/load`, {});
  }

  /** On the same folder. */
  async restart(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const dataDir = this.#running?.dataDir;
    await this.#running?.stop();
    const own = { SHOAL_INFERENCE_BUNDLE_FOLDERS: this.#bundle, SHOAL_INFERENCE_CATALOGUE: 'leave', ...environment };
    this.#running = await startTestServer(own, dataDir);
  }

  async put(site: string, largest: number): Promise<void> {
    const values = Object.fromEntries(rowOf(largest).map((value, index) => [NAMES[index] ?? '', value]));
    await call('PUT', `${this.server.httpUrl}/api/features/site/${site}`, { values });
  }

  submit<T = PredictionTicket>(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer<T>> {
    return call<T>('POST', `${this.server.httpUrl}/api/predictions`, { model: MODEL, ...body }, headers);
  }

  async show(ticketId: string, wait = 60): Promise<PredictionTicket> {
    const path = `/api/predictions/${ticketId}?wait=${wait}`;
    return (await call<PredictionTicket>('GET', `${this.server.httpUrl}${path}`)).body;
  }

  async remove(): Promise<void> {
    await this.#running?.stopAndRemove();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
