/** Nonsense at every route of the whole server: never a fault of ours, always a documented problem with a known code. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OPERATIONS, inferErrorSchema, PROTOCOL_ERRORS, problemSchema, type Operation } from '@shoal/protocol';
import fc from 'fast-check';
import { MODEL_ERRORS } from '@shoal/models';
import { FLEET_ERRORS } from '../../src/errors.ts';
import { GATEWAY, startWithDdi } from '../integrations/ddi/rig.ts';
import type { TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  // Clients of hawkBit get as far as those that mean well.
  server = await startWithDdi({ TENANT: 'pump-01' });
  device = await TestDevice.online(server.mqttPort, 'pump-01');
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

const CODES = { ...FLEET_ERRORS, ...PROTOCOL_ERRORS, ...MODEL_ERRORS };
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '..',
    '../..',
    '%00',
    '__proto__',
    'null',
    '-1',
    '1e999',
    '9007199254740993',
    "' OR 1=1 --",
    'x'.repeat(3_000),
  ),
);
const deep = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels));
const hostileJson = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc
    .dictionary(
      fc.constantFrom(
        'deviceId',
        'labels',
        'desired',
        'version',
        'name',
        'timeoutMs',
        'parameters',
        'values',
        '__proto__',
      ),
      fc.oneof(fc.jsonValue(), fc.constantFrom(deep(40), deep(400), { __proto__: 1 }, -1, 1e300, '\ud800')),
    )
    .map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '',
    '{',
    '[',
    'NaN',
    '{"__proto__":{"a":1}}',
    '{"a":1e999}',
    '['.repeat(50_000),
    '{"desired":{"a":"\\ud800"}}',
  ),
);

/** A stream, the device of the test, and a server that has started no model yet and says so. */
const NOT_ASKED: ReadonlySet<string> = new Set(['streamLive', 'deleteDevice', 'getInferenceReadiness']);

interface Attack {
  /** Of `OPERATIONS`. */
  readonly id: string;
  readonly deviceId: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const token = fc.stringMatching(/^[!-~]{1,40}$/);
const attack: fc.Arbitrary<Attack> = fc
  .constantFrom(...OPERATIONS.filter(({ id }) => !NOT_ASKED.has(id)))
  .chain((operation) =>
    fc.record({
      id: fc.constant(operation.id),
      deviceId: fc.oneof(fc.constant('pump-01'), hostileText),
      query: fc.dictionary(
        fc.constantFrom(...Object.keys(operation.query?.shape ?? { none: 1 }), 'nonsense'),
        hostileText,
        {
          maxKeys: 4,
        },
      ),
      headers: fc.dictionary(
        fc.constantFrom('if-match', 'idempotency-key', 'last-event-id', 'content-type', 'accept'),
        token,
      ),
      body: hostileJson,
    }),
  );

/** Path parameters are escaped, or `..` would be another route before it is sent. */
const send = async (operation: Operation, { deviceId, query, headers, body }: Attack): Promise<Response> => {
  const id = encodeURIComponent(deviceId.toWellFormed()).replaceAll('.', '%2e');
  const path = operation.path.replaceAll(/\{\w+\}/g, id);
  const search = new URLSearchParams(
    Object.entries(query).map(([key, value]): [string, string] => [key, value.toWellFormed()]),
  );
  return fetch(`${server.httpUrl}${path}?${search.toString()}`, {
    method: operation.method.toUpperCase(),
    headers: { 'content-type': 'application/json', ...GATEWAY, ...headers },
    ...(operation.body && { body }),
  });
};

/** The code of a failure: of a problem document or, where the Open Inference Protocol is spoken, of its error. */
const faultIn = (response: Response, text: string): string => {
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('application/problem+json')) return problemSchema.parse(JSON.parse(text)).code;
  inferErrorSchema.strict().parse(JSON.parse(text));
  return response.headers.get('shoal-error-code') ?? '';
};

test('every answer is a success or a documented problem, and the server stays ready', async () => {
  await fc.assert(
    fc.asyncProperty(attack, async (drawn) => {
      const operation = OPERATIONS.find(({ id }) => id === drawn.id) as Operation;
      const response = await send(operation, drawn);
      const text = await response.text();
      expect(response.status).toBeLessThan(500);
      if (response.ok) return;
      const documented = Object.keys(operation.responses).map(Number);
      const code = faultIn(response, text);
      expect(Object.keys(CODES)).toContain(code);
      const isNoRoute = code === 'ROUTE_NOT_FOUND' || code === 'METHOD_NOT_ALLOWED';
      expect(isNoRoute ? [404, 405] : documented).toContain(response.status);
    }),
    { numRuns: 600, timeout: 10_000 },
  );
  expect(await server.get('/health/ready')).toMatchObject({ status: 'ok' });
}, 60_000);

test.each([
  ['%zz', 400],
  ['x'.repeat(300), 414],
  ['%2e%2e%2f%2e%2e', 400],
])('a device id of %s is a problem with status %d', async (id, status) => {
  const response = await fetch(`${server.httpUrl}/api/devices/${id}`);
  expect(response.status).toBe(status);
  expect(problemSchema.parse(await response.json())).toMatchObject({ status, code: 'REQUEST_INVALID' });
});
