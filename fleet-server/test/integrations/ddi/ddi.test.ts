/** What clients of hawkBit and operators are answered, through the whole server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import type { DdiCancel, DdiDeployment, DdiPoll, Page, Problem, SystemAction, SystemTarget } from '@shoal/protocol';
import { startTestServer, type TestServer } from '../../running-server.ts';
import { Client, GATEWAY_TOKEN, Operator, startWithDdi } from './rig.ts';

const IMAGE = randomBytes(100_000);
const hash = (algorithm: string): string => createHash(algorithm).update(IMAGE).digest('hex');

let server: TestServer;
let operator: Operator;
beforeAll(async () => {
  server = await startWithDdi({ POLL_SECONDS: '75', MAX_TARGETS: '20', MAX_IMAGE_BYTES: '200000' });
  operator = new Operator(server);
  await operator.upload('gateway-os', '1.0.0', IMAGE);
  await operator.upload('gateway-os', '1.1.0', Buffer.from('another image'));
});
afterAll(() => server.stopAndRemove());

const polledBy = async (client: Client): Promise<DdiPoll['_links']> => (await client.get<DdiPoll>('')).body._links;
const pathOf = (link: { href: string } | undefined): string =>
  link?.href.replace(/^.*\/controller\/v1\/[^/]+/, '') ?? 'no link';

test('a first poll registers; what is assigned is fetched whole, in ranges and with its checksum, and reported', async () => {
  const client = new Client(server, 'board-1');
  const first = await client.get<DdiPoll>('');
  expect(first).toMatchObject({ status: 200, body: { config: { polling: { sleep: '00:01:15' } } } });
  expect(Object.keys(first.body._links)).toEqual(['configData']);
  expect(await client.send('PUT', '/configData', { mode: 'merge', data: { board: 'x1' } })).toBe(200);
  expect(await polledBy(client)).toEqual({});

  const { actionId } = await operator.assign('board-1', 'gateway-os@1.0.0');
  const path = pathOf((await polledBy(client)).deploymentBase);
  expect(path).toBe(`/deploymentBase/${actionId}`);
  const { id, deployment } = (await client.get<DdiDeployment>(path)).body;
  const [chunk] = deployment.chunks;
  const [artifact] = chunk?.artifacts ?? [];
  expect([id, deployment.download, deployment.update]).toEqual([String(actionId), 'forced', 'forced']);
  expect(chunk).toMatchObject({ part: 'os', name: 'gateway-os', version: '1.0.0' });
  expect(artifact).toMatchObject({
    size: IMAGE.length,
    hashes: { sha1: hash('sha1'), md5: hash('md5'), sha256: hash('sha256') },
  });

  const href = artifact?._links['download-http'].href ?? '';
  const whole = await client.fetch(href);
  expect(Buffer.from(await whole.arrayBuffer()).equals(IMAGE)).toBe(true);
  expect(whole.headers.get('etag')).toBe(`"${hash('sha256')}"`);
  const part = await client.fetch(href, { range: 'bytes=90000-' });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 90000-99999/100000']);
  expect(Buffer.from(await part.arrayBuffer()).equals(IMAGE.subarray(90_000))).toBe(true);
  expect((await client.fetch(href, { range: 'bytes=100000-' })).status).toBe(416);
  const sum = await client.fetch(artifact?._links['md5sum-http'].href ?? '');
  expect(await sum.text()).toBe(`${hash('md5')}  gateway-os-1.0.0.swu\n`);

  expect(await client.report(path, 'proceeding', 'none', ['half', ''])).toBe(200);
  expect(await operator.action(actionId)).toMatchObject({ state: 'proceeding', progress: { done: 1, of: 2 } });
  expect(await client.report(path, 'closed', 'success', ['done'])).toBe(200);
  const action = await operator.action(actionId);
  expect(action.state).toBe('finished');
  expect(action.history.map(({ what, messages }) => [what, ...messages])).toEqual([
    ['assigned', 'by operator:local'],
    ['offered'],
    ['download'],
    ['download', 'from byte 90000 on'],
    ['proceeding', 'half'],
    ['closed success', 'done'],
  ]);
  expect(await operator.target('board-1')).toMatchObject({
    installed: 'gateway-os@1.0.0',
    attributes: { board: 'x1' },
  });
  const after = await polledBy(client);
  expect(Object.keys(after)).toEqual(['configData', 'installedBase']);
  expect(
    (await client.get<DdiDeployment>(`${pathOf(after.installedBase)}?actionHistory=1`)).body.actionHistory,
  ).toEqual({
    status: 'FINISHED',
    messages: ['done'],
  });
  const audit = (await server.get('/api/audit')) as Page<{ action: string; principal: string }>;
  expect(audit.items.map(({ action: what, principal }) => `${what} ${principal}`)).toEqual(
    expect.arrayContaining([
      'system-image.uploaded operator:local',
      'system-target.registered system-target:board-1',
      'system-action.assigned operator:local',
      'system-action.finished system-target:board-1',
    ]),
  );
});

test('an end that is told twice is one, and another end is noted and refused', async () => {
  const client = new Client(server, 'board-2');
  await client.get('');
  const { actionId } = await operator.assign('board-2', 'gateway-os@1.0.0');
  const path = `/deploymentBase/${actionId}`;
  await client.get(path);
  expect(await client.report(path, 'closed', 'failure', ['no space'])).toBe(200);
  expect(await client.report(path, 'closed', 'failure')).toBe(200);
  expect(await client.report(path, 'closed', 'success')).toBe(410);
  const { state, history } = await operator.action(actionId);
  expect([state, history.at(-1)?.what]).toEqual(['failed', 'closed success']);
  expect((await operator.target('board-2')).installed).toBeNull();
});

test('a newer assignment takes the place of an older one', async () => {
  const client = new Client(server, 'board-3');
  await client.get('');
  const unseen = await operator.assign('board-3', 'gateway-os@1.0.0');
  const begun = await operator.assign('board-3', 'gateway-os@1.0.0');
  expect((await operator.action(unseen.actionId)).state).toBe('canceled');
  await client.get(`/deploymentBase/${begun.actionId}`);
  const newest = await operator.assign('board-3', 'gateway-os@1.1.0');
  expect((await operator.action(begun.actionId)).state).toBe('canceling');
  const links = await polledBy(client);
  expect([pathOf(links.cancelAction), links.deploymentBase]).toEqual([`/cancelAction/${begun.actionId}`, undefined]);
  expect((await client.get(`/deploymentBase/${begun.actionId}`)).status).toBe(404);
  const cancel = await client.get<DdiCancel>(`/cancelAction/${begun.actionId}`);
  expect(cancel.body).toEqual({ id: `${begun.actionId}`, cancelAction: { stopId: `${begun.actionId}` } });
  expect(await client.report(`/cancelAction/${begun.actionId}`, 'closed', 'success')).toBe(200);
  expect((await operator.action(begun.actionId)).state).toBe('canceled');
  expect(pathOf((await polledBy(client)).deploymentBase)).toBe(`/deploymentBase/${newest.actionId}`);
  const listed = await operator.call<Page<SystemAction>>('GET', '/actions?targetId=board-3&state=canceled');
  expect(listed.body.items.map(({ actionId }) => actionId)).toEqual([begun.actionId, unseen.actionId]);
});

test('a cancellation is asked for, forced where nobody answers, and refused where it is too late', async () => {
  const client = new Client(server, 'board-4');
  await client.get('');
  const { actionId } = await operator.assign('board-4', 'gateway-os@1.0.0');
  await client.get(`/deploymentBase/${actionId}`);
  const cancel = (body: object) => operator.call<SystemAction>('POST', `/actions/${actionId}/cancel`, body);
  expect((await cancel({ note: 'wrong board' })).body.state).toBe('canceling');
  expect(await client.report(`/cancelAction/${actionId}`, 'rejected')).toBe(200);
  expect((await operator.action(actionId)).state).toBe('proceeding');
  expect((await cancel({ force: true })).body.state).toBe('canceled');
  const other = await operator.assign('board-4', 'gateway-os@1.0.0');
  await client.get(`/deploymentBase/${other.actionId}`);
  await client.report(`/deploymentBase/${other.actionId}`, 'closed', 'success');
  const late = await operator.call<Problem>('POST', `/actions/${other.actionId}/cancel`, {});
  expect([late.status, late.body.code]).toEqual([409, 'SYSTEM_ACTION_FINAL']);
});

test('nobody gets in without a token that counts, nor with that of another target', async () => {
  const registration = { targetId: 'board-5', token: 'the-first-of-its-tokens' };
  const added = [
    await operator.call('POST', '/targets', registration),
    await operator.call('POST', '/targets', registration),
  ];
  const other = await operator.call('POST', '/targets', { ...registration, token: 'not-the-first-of-its-tokens' });
  expect([...added, other].map(({ status }) => status)).toEqual([201, 201, 409]);
  const put = await operator.call<SystemTarget>('PUT', '/targets/board-5/token', { token: 'a-token-of-its-own' });
  expect(put.body).toMatchObject({ targetId: 'board-5', hasToken: true, lastPolledAt: null });
  expect(JSON.stringify(await server.get('/api/audit'))).not.toContain('a-token-of-its-own');
  const own = { authorization: 'TargetToken a-token-of-its-own' };
  expect((await new Client(server, 'board-5', own).get('')).status).toBe(200);
  const refused: Record<string, string>[] = [
    {},
    { authorization: 'TargetToken the-first-of-its-tokens' },
    { authorization: 'TargetToken another-token-or-none' },
    { authorization: 'GatewayToken another-token-or-none' },
    { authorization: `TargetToken ${GATEWAY_TOKEN}` },
    { authorization: `Bearer ${GATEWAY_TOKEN}` },
  ];
  for (const headers of refused) {
    const answer = await new Client(server, 'board-5', headers).get<Problem>('');
    expect([answer.status, answer.body.code]).toEqual([401, 'DDI_TOKEN_REFUSED']);
  }
  expect((await new Client(server, 'board-6', own).get('')).status).toBe(401);
});

test('what a target was not given it does not get, and names that are none are problems', async () => {
  const [client, other] = [new Client(server, 'board-7'), new Client(server, 'board-8')];
  await client.get('');
  await other.get('');
  const { actionId } = await operator.assign('board-7', 'gateway-os@1.0.0');
  const { deployment } = (await client.get<DdiDeployment>(`/deploymentBase/${actionId}`)).body;
  const file = deployment.chunks[0]?.artifacts[0]?._links.download.href ?? '';
  expect((await other.fetch(file.replace('board-7', 'board-8'))).status).toBe(404);
  await operator.assign('board-8', 'gateway-os@1.0.0');
  expect((await other.fetch(file.replace('board-7', 'board-8'))).status).toBe(404);
  const spare = new Client(server, 'board-9');
  await spare.get('');
  const forced = await operator.assign('board-9', 'gateway-os@1.0.0');
  await spare.get(`/deploymentBase/${forced.actionId}`);
  expect((await spare.fetch(file.replace('board-7', 'board-9'))).status).toBe(200);
  await operator.call('POST', `/actions/${forced.actionId}/cancel`, { force: true });
  expect((await spare.fetch(file.replace('board-7', 'board-9'))).status).toBe(404);
  expect((await client.fetch(`${file}x`)).status).toBe(404);
  expect((await other.get(`/deploymentBase/${actionId}`)).status).toBe(404);
  expect(await client.send('POST', `/deploymentBase/${actionId}/feedback`, { status: { execution: 'perhaps' } })).toBe(
    400,
  );
  expect(await client.send('PUT', '/configData', { data: { board: 7 } })).toBe(400);
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, '']));
  expect(await client.send('PUT', '/configData', { data: many })).toBe(409);
  expect((await new Client(server, 'board 9').get('')).status).toBe(400);
  const elsewhere = await fetch(`${server.httpUrl}/OTHER/controller/v1/board-7`);
  expect(elsewhere.status).toBe(404);
});

test('an image is there once, is not altered, and goes when nobody needs it', async () => {
  expect((await operator.upload('spare', '1', IMAGE)).status).toBe(201);
  expect((await operator.upload('spare', '1', IMAGE)).status).toBe(201);
  const taken = await operator.upload('spare', '1', Buffer.from('other'));
  expect([taken.status, taken.body]).toMatchObject([409, { code: 'SYSTEM_IMAGE_TAKEN' }]);
  expect((await operator.upload('spare', '2', Buffer.alloc(0))).status).toBe(400);
  expect((await operator.upload('spare', '2', Buffer.alloc(200_001))).status).toBe(413);
  await new Client(server, 'board-10').get('');
  await operator.assign('board-10', 'spare@1');
  const used = await operator.call<Problem>('DELETE', '/images/spare@1');
  expect([used.status, used.body.code]).toEqual([409, 'SYSTEM_IMAGE_IN_USE']);
  await operator.assign('board-10', 'gateway-os@1.1.0');
  expect((await operator.call('DELETE', '/images/spare@1')).status).toBe(204);
  expect((await operator.call('GET', '/images/spare@1')).status).toBe(404);
  // The same content under another name is still there.
  await new Client(server, 'board-11').get('');
  const { actionId } = await operator.assign('board-11', 'gateway-os@1.0.0');
  const client = new Client(server, 'board-11');
  const { deployment } = (await client.get<DdiDeployment>(`/deploymentBase/${actionId}`)).body;
  expect((await client.fetch(deployment.chunks[0]?.artifacts[0]?._links.download.href ?? '')).status).toBe(200);
});

test('the same key assigns once, and lists have pages, filters and exports', async () => {
  for (const id of ['page-1', 'page-2', 'page-3']) await new Client(server, id).get('');
  const assign = (targetId: string) =>
    operator.call<SystemAction>(
      'POST',
      '/actions',
      { targetId, image: 'gateway-os@1.0.0' },
      { 'idempotency-key': 'k1' },
    );
  const [one, again, other] = [await assign('page-1'), await assign('page-1'), await assign('page-2')];
  expect([one.status, again.body.actionId, other.status]).toEqual([201, one.body.actionId, 409]);
  const targets = await operator.call<Page<SystemTarget>>('GET', '/targets?state=pending&limit=1');
  expect(targets.body.items.map(({ action }) => action?.state)).toEqual(['pending']);
  const rest = await operator.call<Page<SystemTarget>>(
    'GET',
    `/targets?limit=100&cursor=${targets.body.nextCursor ?? ''}`,
  );
  expect(rest.body.items.map(({ targetId }) => targetId)).toEqual(expect.arrayContaining(['page-1', 'page-3']));
  const csv = await (await fetch(`${server.httpUrl}/api/system/actions?format=csv&targetId=page-1`)).text();
  expect(csv.split('\r\n').slice(0, 2).join('\n')).toMatch(
    /^actionId,targetId,image,state,createdAt,createdBy,heardAt,finishedAt\n\d+,page-1,gateway-os@1.0.0,pending,/,
  );
  const lines = await (await fetch(`${server.httpUrl}/api/system/images?format=ndjson`)).text();
  expect(
    lines
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { image: string }).image),
  ).toEqual(['gateway-os@1.1.0', 'gateway-os@1.0.0']);
});

test('no more targets register than there may be; one that is forgotten makes room', async () => {
  const fill = async (): Promise<number[]> => {
    const statuses: number[] = [];
    for (let index = 0; index < 20; index += 1)
      statuses.push((await new Client(server, `many-${index}`).get('')).status);
    return statuses;
  };
  expect(new Set(await fill())).toEqual(new Set([200, 409]));
  expect((await new Client(server, 'one-more').get('')).status).toBe(409);
  expect((await operator.call('DELETE', '/targets/many-0')).status).toBe(204);
  expect((await new Client(server, 'one-more').get('')).status).toBe(200);
});

test('what is silent too long is timed out, and a late report still counts; all of it outlives the server', async () => {
  let quick = await startWithDdi({ ACTION_TIMEOUT_MS: '1' });
  const { dataDir } = quick;
  await new Operator(quick).upload('gateway-os', '1.0.0', IMAGE);
  await new Client(quick, 'silent').get('');
  const { actionId } = await new Operator(quick).assign('silent', 'gateway-os@1.0.0');
  await new Client(quick, 'silent').get(`/deploymentBase/${actionId}`);
  await quick.stop();
  quick = await startWithDdi({ ACTION_TIMEOUT_MS: '1' }, dataDir);
  const again = new Operator(quick);
  expect((await again.action(actionId)).state).toBe('timed-out');
  expect((await again.call<Page<SystemTarget>>('GET', '/targets?state=timed-out')).body.items).toHaveLength(1);
  expect((await again.call<Page<SystemTarget>>('GET', '/targets?state=offered')).body.items).toHaveLength(0);
  await new Client(quick, 'silent').report(`/deploymentBase/${actionId}`, 'closed', 'success');
  expect((await again.action(actionId)).state).toBe('finished');
  expect(await again.target('silent')).toMatchObject({ installed: 'gateway-os@1.0.0' });
  await quick.stopAndRemove();
});

test('without being asked for it is off', async () => {
  const plain = await startTestServer();
  const paths = ['/api/system/images', '/api/system/targets', '/api/system/actions', '/DEFAULT/controller/v1/board-1'];
  for (const path of paths) expect(await plain.get(path)).toMatchObject({ status: 404, code: 'SYSTEM_UPDATES_OFF' });
  await plain.stopAndRemove();
});

test('a token file of no use is a fault of the configuration', async () => {
  await expect(startWithDdi({ GATEWAY_TOKEN_FILE: '/no/such/file' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
