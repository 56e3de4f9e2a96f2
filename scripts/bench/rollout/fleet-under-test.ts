/** A real server with light devices that act out updates and full agents that carry them out, and what is asked of it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { Agent } from '@shoal/device-agent';
import type { Device, ModelRelease, Page, Rollout, RolloutDevice, RolloutEvent } from '@shoal/protocol';
import { LightDevice, pumpAgent, seededRandom, type PumpAgent, type UpdateProfile } from '@shoal/simulators';
import { Program } from '../kill/processes/program.ts';
import { serverCommand } from '../kill/processes/project-programs.ts';
import { packed, PUBLISHER, type Spoil } from './packed-variant.ts';

export const MODEL = 'pump-anomaly';
const FROM = '1.1.0';
/** A machine with other work takes its time; what waits longer waits for ever. */
const PATIENCE_MS = 600_000;
const LOOK_MS = 100;
const STEP_MS = 150;
/** Full agents of so many classes: one of each comes into every first stage. */
const CLASSES = 4;
const portOf = (url: string): number => Number(new URL(url).port);

/** Shares of light devices whose updates are not smooth. */
const profileOf = (index: number): UpdateProfile =>
  index % 25 === 7 ? 'drops-offline' : index % 25 === 13 ? 'slow' : 'good';

export class FleetUnderTest {
  readonly light: LightDevice[] = [];
  readonly full: PumpAgent[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-rollout-'));
  readonly #digests = new Map<string, string>();
  readonly #end = new AbortController();
  /** Who makes releases; agents trust it. */
  readonly #publisher = generateKeyPairSync('ed25519');
  #program: Program | undefined;
  #ports = { mqtt: 0, http: 0 };

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }

  get #serverFolder(): string {
    return join(this.#folder, 'server');
  }

  get agents(): readonly Agent[] {
    return this.full.map(({ agent }) => agent);
  }

  async startServer(): Promise<void> {
    const dataDir = this.#serverFolder;
    mkdirSync(dataDir, { recursive: true });
    const config = join(this.#folder, 'config.json');
    const inference = { start: 'lazy', catalogue: 'leave' };
    writeFileSync(
      config,
      JSON.stringify({
        logLevel: 'fatal',
        inference,
        models: { checkTimeoutMs: 60_000 },
      }),
    );
    const command = serverCommand(dataDir, this.#ports);
    this.#program = new Program({ ...command, args: [...command.args, `--config=${config}`] });
    const ready = await this.#program.start();
    this.#ports = { mqtt: portOf(String(ready['mqttUrl'])), http: portOf(String(ready['httpUrl'])) };
  }

  async killServer(): Promise<void> {
    await this.#program?.kill();
  }

  /** The server is as after a backup that is older than the last floors: what devices may not go below it does not know. */
  async forgetFloors(): Promise<void> {
    await this.#program?.stop();
    const database = new DatabaseSync(join(this.#serverFolder, 'control.db'));
    database.exec(`UPDATE director_assignments SET floors = '{}'`);
    database.exec(`UPDATE twins SET desired = json_set(desired, '$.updates.signed.floors', json('{}'))`);
    database.close();
    await this.startServer();
  }

  async startDevices(lights: number, agents: number): Promise<void> {
    const release = await this.find(FROM);
    const trustedKeys = { [PUBLISHER]: join(this.#folder, 'publisher.pem') };
    writeFileSync(trustedKeys[PUBLISHER] ?? '', this.#publisher.publicKey.export({ type: 'spki', format: 'pem' }));
    const model = { name: MODEL, version: FROM, digest: release.digest };
    for (let index = 0; index < lights; index += 1) {
      const deviceId = `light-${index}`;
      const digestOf = (sha256: string): string | undefined => this.#digests.get(sha256);
      const updates = { model, profile: profileOf(index), digestOf, stepMs: STEP_MS };
      const place = { deviceId, host: '127.0.0.1', port: this.#ports.mqtt, clock: Date.now };
      this.light.push(new LightDevice({ ...place, random: seededRandom(`rollout/${deviceId}`), updates }));
    }
    for (const device of this.light) device.start(this.#end.signal);
    for (let index = 0; index < agents; index += 1) {
      const deviceId = `full-${index}`;
      this.full.push(
        pumpAgent({
          deviceId,
          hardwareClass: `class-${index % CLASSES}`,
          dataDir: join(this.#folder, deviceId),
          host: '127.0.0.1',
          port: this.#ports.mqtt,
          httpUrl: this.httpUrl,
          version: FROM,
          trustedKeys,
        }),
      );
    }
    for (const { agent } of this.full) await agent.start(this.#end.signal);
    await this.until(async () => {
      const items = await this.all<Device>('/api/devices');
      // Full agents whose pumps run ahead of time are there, and degraded for it.
      const isThere = ({ state, models }: Device): boolean =>
        state !== 'offline' && models.some(({ digest }) => digest === release.digest);
      return items.filter(isThere).length === lights + agents;
    });
  }

  async stop(): Promise<void> {
    await Promise.allSettled([
      ...this.light.map((device) => device.stop()),
      ...this.agents.map((agent) => agent.stop()),
    ]);
    this.#end.abort();
    await this.#program?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @throws when the registry refuses it */
  async release(version: string, counter: number, spoil: Spoil): Promise<ModelRelease> {
    const headers = { 'content-type': 'application/x-tar' };
    const body = await packed(version, counter, this.#publisher.privateKey, spoil);
    const response = await fetch(`${this.httpUrl}/api/models`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`The registry answered ${response.status}: ${await response.text()}`);
    return this.find(version);
  }

  /** A release that is there; light devices know from then on what is in it. */
  async find(version: string): Promise<ModelRelease> {
    const release = await this.get<ModelRelease>(`/api/models/${MODEL}/versions/${version}`);
    this.#digests.set(release.sha256, release.digest);
    return release;
  }

  async create(version: string, over: object): Promise<Rollout> {
    return this.post('/api/rollouts', { name: version, model: MODEL, version, ...over });
  }

  show(rolloutId: string): Promise<Rollout> {
    return this.get(`/api/rollouts/${rolloutId}`);
  }

  async devices(rolloutId: string): Promise<RolloutDevice[]> {
    return this.all(`/api/rollouts/${rolloutId}/devices`);
  }

  async timeline(rolloutId: string): Promise<RolloutEvent[]> {
    return this.all(`/api/rollouts/${rolloutId}/timeline`);
  }

  /** @returns the rollout in one of the states; whatever it is when patience ends */
  async settled(rolloutId: string, states: readonly Rollout['state'][]): Promise<Rollout> {
    let rollout = await this.show(rolloutId);
    const until = performance.now() + PATIENCE_MS;
    while (!states.includes(rollout.state) && performance.now() < until) {
      await pause(LOOK_MS);
      rollout = await this.show(rolloutId);
    }
    return rollout;
  }

  async until(condition: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!(await condition())) {
      if (performance.now() > end) throw new Error('The fleet did not come to be as it should within its patience.');
      await pause(LOOK_MS);
    }
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.httpUrl + path);
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post<T>(path: string, body: object): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.httpUrl + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  private async all<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Page<T> = await this.get(`${path}?limit=1000${from}`);
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  }
}
