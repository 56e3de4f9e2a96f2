/** The AsyncAPI document against the specification's own schema, and against what its parser would let pass. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { MQTT_CHANNELS, REQUEST_METHODS, asyncApiDocument, parseTopic, topics } from '../src/index.ts';

interface Message {
  payload: { $ref: string };
  examples: { payload: unknown }[];
}
interface Document {
  channels: Record<string, { address: string; parameters?: Record<string, unknown>; messages: object }>;
  operations: Record<string, { channel: { $ref: string } }>;
  components: { messages: Record<string, Message>; schemas: Record<string, object> };
}

const document = structuredClone(asyncApiDocument('0.1.0', '127.0.0.1:1883')) as unknown as Document;
const require = createRequire(import.meta.url);
const specification = JSON.parse(readFileSync(require.resolve('@asyncapi/specs/schemas/3.0.0.json'), 'utf8')) as {
  definitions: Record<string, { $id?: string }>;
};
/** ajv brings the draft-07 schema itself and refuses the copy inside the specification. */
const withoutDraft7 = {
  ...specification,
  definitions: Object.fromEntries(
    Object.entries(specification.definitions).filter(
      ([, { $id }]) => $id?.startsWith('http://json-schema.org/') !== true,
    ),
  ),
};

const resolve = (pointer: string): unknown =>
  pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

const referencesIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : referencesIn(inner),
  );
};

describe('the AsyncAPI document', () => {
  test('validates against the 3.0.0 schema', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const validate = ajv.compile(withoutDraft7);
    validate(document);
    expect(validate.errors).toBeNull();
    expect(validate({ ...document, channels: { x: { adress: 'typo' } } })).toBe(false);
  });

  test('refers only to what it holds', () => {
    const dangling = referencesIn(document).filter((pointer) => resolve(pointer) === undefined);
    expect(dangling).toEqual([]);
  });

  test.each(Object.entries(document.components.messages))(
    'examples of %s validate against its payload',
    (_, message) => {
      const ajv = new Ajv({ strict: false });
      const validate = ajv.compile({ ...message.payload, components: document.components });
      expect(message.examples.length).toBeGreaterThan(0);
      for (const { payload } of message.examples) {
        validate(payload);
        expect(validate.errors).toBeNull();
      }
      expect(validate({ v: 'not this' })).toBe(false);
    },
  );

  test.each(Object.entries(document.channels))('%s declares exactly the parameters of its address', (_, channel) => {
    const inAddress = [...channel.address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(Object.keys(channel.parameters ?? {})).toEqual(inAddress);
  });

  test('covers every topic builder, every request method and every channel with one operation', () => {
    const builders = Object.keys(topics).filter((name) => !name.endsWith('Filter'));
    expect(new Set(MQTT_CHANNELS.map(({ builder }) => builder))).toEqual(new Set(builders));
    const methods = MQTT_CHANNELS.filter(({ builder }) => builder === 'request').map(({ address }) => address);
    expect(methods.toSorted()).toEqual(
      REQUEST_METHODS.map((method) => topics.request('{deviceId}', method)).toSorted(),
    );
    expect(Object.keys(document.operations)).toEqual(Object.keys(document.channels));
    expect(Object.keys(document.channels)).toHaveLength(MQTT_CHANNELS.length);
  });

  test('every address, filled in, is a topic that parses', () => {
    for (const { address, publisher } of MQTT_CHANNELS) {
      const filled = address.replace('{name}', 'ping').replaceAll(/\{\w+\}/g, 'x1');
      expect(parseTopic(filled).direction === 'up').toBe(publisher === 'device');
    }
  });
});
