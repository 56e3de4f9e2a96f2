/** Rollouts over HTTP and MQTT with the real registry: made, planned, refused, followed, and brought back. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  topics,
  type DesiredTwin,
  type ModelRelease,
  type Page,
  type Problem,
  type Rollout,
  type RolloutDevice,
  type RolloutPlan,
  type SignedAssignment,
} from '@shoal/protocol';
import { connectAsync } from 'mqtt';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice, type Heard } from '../test-device.ts';

const MODEL = 'pump-anomaly';

describe('rollouts over HTTP', () => {
  let server: TestServer;
  let releases: Record<string, ModelRelease>;
  const devices: TestDevice[] = [];

  const api = <T = Rollout>(method: Method, path: string, body?: unknown, headers = {}): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/rollouts${path}`, body, headers);
  const digestOf = (version: string): string => releases[version]?.digest ?? '';
  const report = (device: TestDevice, version: string, updates: object): Promise<void> =>
    device.say(topics.reportedTwin(device.deviceId), {
      v: 1,
      appliedVersion: 1,
      mode: 'whole',
      reported: { models: { [MODEL]: { version, digest: digestOf(version), state: 'ready' } }, ...updates },
    });

  beforeAll(async () => {
    server = await startTestServer({
      SHOAL_MODELS_CATALOGUE: 'release',
      SHOAL_ROLLOUTS_TURN_MS: '10',
      SHOAL_ROLLOUTS_TICK_MS: '50',
    });
    const found = (await server.get(`/api/models/${MODEL}/versions`)) as Page<ModelRelease>;
    releases = Object.fromEntries(found.items.map((release) => [release.version, release]));
    for (const id of ['a', 'b', 'c']) {
      const device = await TestDevice.connect(server.mqttPort, `roll-${id}`);
      await device.subscribe();
      const agentVersion = id === 'c' ? '0.0.1' : '0.1.0';
      await device.bear({ agentVersion, models: [{ name: MODEL, version: '1.0.0', digest: digestOf('1.0.0') }] });
      await device.reply(device.connectionId);
      devices.push(device);
    }
  });
  afterAll(async () => {
    for (const device of devices) device.client.end(true);
    await server.stopAndRemove();
  });

  it('plans: who is in which stage, and who is left out and why', async () => {
    const plan = await api<RolloutPlan>('POST', '/plan', { name: 'p', model: MODEL, version: '1.1.0' });
    expect(plan.body).toMatchObject({
      release: { version: '1.1.0', digest: digestOf('1.1.0') },
      matching: 3,
      stages: [{ stage: 1, devices: 2, offline: 0, byHardwareClass: { test: 2 } }],
      excluded: [{ deviceId: 'roll-c', cause: { code: 'AGENT_TOO_OLD' } }],
    });
  });

  it('refuses what is no release, no label filter and no definition, and acts on nothing unknown', async () => {
    const unknown = await api<Problem>('POST', '', { name: 'x', model: MODEL, version: '9.9.9' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'MODEL_RELEASE_NOT_FOUND']);
    const labels = await api<Problem>('POST', '/plan', {
      name: 'x',
      model: MODEL,
      version: '1.1.0',
      cohort: { labels: '=x' },
    });
    expect([labels.status, labels.body.code]).toEqual([400, 'REQUEST_INVALID']);
    const stages = await api<Problem>('POST', '', { name: 'x', model: MODEL, version: '1.1.0', stages: [] });
    expect(stages.body.errors?.map(({ path }) => path)).toEqual(['stages']);
    const none = await api<Problem>('POST', '/r-0000000000000000/pause', {});
    expect([none.status, none.body.code]).toEqual([404, 'ROLLOUT_NOT_FOUND']);
  });

  it('assigns signed, hears the device, believes the digest, tells on MQTT, and brings back', async () => {
    const body = {
      name: 'first',
      model: MODEL,
      version: '1.1.0',
      stages: [{ to: { devices: 1 } }, { to: { percent: 100 } }],
    };
    const made = await api('POST', '', body, { 'idempotency-key': 'k-1' });
    expect(made.status).toBe(201);
    const { rolloutId } = made.body;
    expect((await api('POST', '', body, { 'idempotency-key': 'k-1' })).body.rolloutId).toBe(rolloutId);
    expect((await api<Problem>('POST', '', { ...body, name: 'other' }, { 'idempotency-key': 'k-1' })).body.code).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    const listener = await connectAsync(server.mqttUrl, { clientId: 'sub-rollouts' });
    const told: Rollout[] = [];
    listener.on('message', (_, payload) => told.push(JSON.parse(payload.toString()) as Rollout));
    await listener.subscribeAsync(topics.rollout(rolloutId), { qos: 1 });

    for (const stage of [1, 2]) {
      const inStage = async (): Promise<RolloutDevice | undefined> =>
        (await api<Page<RolloutDevice>>('GET', `/${rolloutId}/devices`)).body.items.find(
          (device) => device.stage === stage && device.state === 'assigned',
        );
      await until(async () => (await inStage()) !== undefined);
      const deviceId = (await inStage())?.deviceId;
      const device = devices.find((candidate) => candidate.deviceId === deviceId) as TestDevice;
      const { desired } = await device.hears<DesiredTwin>(topics.desiredTwin(device.deviceId));
      const { signed, signatures } = desired['updates'] as unknown as SignedAssignment;
      expect(signatures).toHaveLength(1);
      expect(signed).toMatchObject({
        deviceId,
        models: [{ name: MODEL, version: '1.1.0', sha256: releases['1.1.0']?.sha256 }],
      });
      const { deploymentId, sha256 } = signed.models[0] as (typeof signed.models)[number];
      const update = { deploymentId, version: '1.1.0', sha256, state: 'committed', since: 1, confirmed: true };
      await report(device, '1.1.0', { updates: { [MODEL]: update } });
    }
    await until(async () => (await api('GET', `/${rolloutId}`)).body.state === 'completed');
    await until(() => told.at(-1)?.state === 'completed');
    await listener.endAsync();

    expect((await api('POST', `/${rolloutId}/rollback`, { note: 'odd' })).body).toMatchObject({
      state: 'rolling-back',
      cause: { message: 'By operator:local: odd' },
    });
    for (const device of devices.slice(0, 2)) {
      await until(() => device.heard.filter(({ topic }) => topic === topics.desiredTwin(device.deviceId)).length >= 2);
      const { signed } = (
        device.heard.findLast(({ topic }) => topic === topics.desiredTwin(device.deviceId)) as Heard & {
          body: DesiredTwin;
        }
      ).body.desired['updates'] as unknown as SignedAssignment;
      expect(signed.models).toMatchObject([{ version: '1.0.0', deploymentId: expect.stringMatching(/\.back$/) }]);
      await report(device, '1.0.0', {});
    }
    await until(async () => (await api('GET', `/${rolloutId}`)).body.state === 'rolled-back');
    const refused = await api<Problem>('POST', `/${rolloutId}/resume`, {});
    expect([refused.status, refused.body.code]).toEqual([409, 'ROLLOUT_STATE']);
    const csv = await api('GET', `/${rolloutId}/timeline?format=csv`);
    expect(csv.text.split('\r\n').filter((line) => line.includes('rolled-back'))).toHaveLength(3);
  });

  it('refuses an approval by who made it', async () => {
    const body = { name: 'asks', model: MODEL, version: '1.1.0', approval: 'required' };
    const { rolloutId, state } = (await api('POST', '', body)).body;
    expect(state).toBe('pending-approval');
    const refused = await api<Problem>('POST', `/${rolloutId}/approve`, {});
    expect([refused.status, refused.body.code]).toEqual([403, 'APPROVAL_OWN']);
    expect((await api('POST', `/${rolloutId}/abort`, {})).body.state).toBe('aborted');
  });
});
