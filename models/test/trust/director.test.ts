import { describe, expect, test } from '@jest/globals';
import {
  createSigningKey,
  keyIdOf,
  readDirectorKeys,
  signAssignment,
  verifyAssignment,
  writeDirectorKeys,
} from '@shoal/models/trust';
import type { Assignment } from '@shoal/protocol';
import fc from 'fast-check';
import { thrownCode } from '../conditions.ts';

const director = createSigningKey();
const stranger = createSigningKey();
const keys = readDirectorKeys(writeDirectorKeys([director]));
const assignment: Assignment = {
  _type: 'shoal-assignment',
  deviceId: 'pump-01',
  counter: 7,
  issuedAt: 1_000,
  expires: 2_000,
  models: [
    {
      deploymentId: 'd-1',
      name: 'pump-anomaly',
      version: '1.1.0',
      target: `models/pump-anomaly/1.1.0/${'a'.repeat(64)}`,
      sha256: 'a'.repeat(64),
      lengthBytes: 10,
      releaseCounter: 2,
      jitterSeconds: 0,
      shadow: { minWindows: 1, maxSeconds: 60, minAgreementPpm: 990_000 },
      probation: { minInferences: 1, minSeconds: 0, maxSeconds: 60 },
    },
  ],
  floors: { 'pump-anomaly': 1 },
};
const terms = { deviceId: 'pump-01', lastCounter: 6, now: 1_500 };
/** As it arrives: through JSON. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const signed = sent(signAssignment(assignment, director)) as { signed: Record<string, unknown>; signatures: unknown[] };

/** Every path to a value within JSON. */
const leaves = (value: unknown, path: readonly string[] = []): (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
    : [path];
const changed = (value: unknown, [key, ...rest]: readonly string[]): unknown => {
  if (key === undefined) return typeof value === 'number' ? value + 1 : `${String(value)}0`;
  const inner = (value as Record<string, unknown>)[key];
  if (Array.isArray(value)) return value.with(Number(key), changed(inner, rest));
  return { ...(value as object), [key]: changed(inner, rest) };
};

describe('an assignment', () => {
  test('is accepted as it was signed, again when it is delivered again, and without a clock', () => {
    expect(verifyAssignment(signed, keys, terms)).toEqual(assignment);
    expect(verifyAssignment(signed, keys, { ...terms, lastCounter: 7 }).counter).toBe(7);
    expect(verifyAssignment(signed, keys, { deviceId: 'pump-01', lastCounter: 0 }).counter).toBe(7);
  });

  test('does not survive a change of any of its values, nor a value more', () => {
    fc.assert(
      fc.property(fc.constantFrom(...leaves(signed.signed)), (path) => {
        const code = thrownCode(() =>
          verifyAssignment({ ...signed, signed: changed(signed.signed, path) }, keys, terms),
        );
        expect(['ASSIGNMENT_SIGNATURE_INVALID', 'ASSIGNMENT_MALFORMED']).toContain(code);
      }),
      { numRuns: 60 },
    );
    const more = { ...signed, signed: { ...signed.signed, extra: 1 } };
    expect(thrownCode(() => verifyAssignment(more, keys, terms))).toBe('ASSIGNMENT_MALFORMED');
  });

  test('is refused by name: another key, an unknown one, another device, an old counter, past its expiry', () => {
    const foreign = sent(signAssignment(assignment, stranger)) as typeof signed;
    const renamed = { ...foreign, signatures: [{ ...(foreign.signatures[0] as object), keyid: keyIdOf(director) }] };
    const codeOf = (envelope: unknown, change: Partial<typeof terms> = {}): unknown =>
      thrownCode(() => verifyAssignment(envelope, keys, { ...terms, ...change }));
    expect(codeOf(foreign)).toBe('ASSIGNMENT_KEY_UNKNOWN');
    expect(codeOf(renamed)).toBe('ASSIGNMENT_SIGNATURE_INVALID');
    expect(codeOf(signed, { deviceId: 'pump-02' })).toBe('ASSIGNMENT_DEVICE_MISMATCH');
    expect(codeOf(signed, { lastCounter: 8 })).toBe('ASSIGNMENT_REPLAYED');
    expect(codeOf(signed, { now: 2_000 })).toBe('ASSIGNMENT_EXPIRED');
    for (const nonsense of [null, 7, [], {}, { signed: null, signatures: [] }])
      expect(codeOf(nonsense)).toBe('ASSIGNMENT_MALFORMED');
  });
});

test('keys of the director are known by their content; a file that is none is refused', () => {
  expect([...keys.keys()]).toEqual([keyIdOf(director)]);
  for (const text of ['', '{}', '{"keys":[]}', '{"keys":[{"keytype":"rsa"}]}'])
    expect(thrownCode(() => readDirectorKeys(Buffer.from(text)))).toBe('DIRECTOR_KEYS_INVALID');
});
