/** Patches of the desired state and reports of the device, as pure decisions. */
import { describe, expect, it } from '@jest/globals';
import { twinDelta, twinEquals, type JsonObject } from '@shoal/protocol';
import fc from 'fast-check';
import { patchDesired } from '../../src/twins/desired-patch.ts';
import { boundedDocument, nextReported } from '../../src/twins/reported-state.ts';

/** Documents outside the keys that the configuration schema knows. */
const { document } = fc.letrec<{ value: unknown; document: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.string(),
    fc.constant(null),
    fc.array(fc.integer()),
    tie('document'),
  ),
  document: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value')) as fc.Arbitrary<JsonObject>,
}));

describe('the desired state', () => {
  it('gets a new version exactly when it changes, and a repeated patch changes nothing', () => {
    fc.assert(
      fc.property(document, document, fc.nat(9), (before, patch, version) => {
        const start = patchDesired({ version: 0, desired: {} }, before);
        const desired = start.kind === 'changed' ? start.next.desired : {};
        const outcome = patchDesired({ version, desired }, patch);
        if (outcome.kind === 'unchanged') return;
        expect(outcome.next.version).toBe(version + 1);
        expect(twinEquals(outcome.next.desired, desired)).toBe(false);
        expect(patchDesired(outcome.next, patch)).toEqual({ kind: 'unchanged' });
      }),
    );
  });

  it('refuses what the schema refuses and keeps keys it does not know', () => {
    const current = { version: 1, desired: { logLevel: 'info' } };
    expect(() => patchDesired(current, { logLevel: 'loud' })).toThrow(
      expect.objectContaining({
        code: 'DESIRED_INVALID',
        faults: [expect.objectContaining({ path: 'desired.logLevel' })],
      }),
    );
    expect(patchDesired(current, { newer: { thing: 1 } })).toMatchObject({
      kind: 'changed',
      next: { version: 2, desired: { logLevel: 'info', newer: { thing: 1 } } },
    });
  });
});

describe('the reported state', () => {
  it('is in step once the device reports the desired state whole', () => {
    fc.assert(
      fc.property(document, document, (before, raw) => {
        const desired = nextReported({}, { v: 1, appliedVersion: 1, mode: 'whole', reported: raw });
        const after = nextReported(before, { v: 1, appliedVersion: 1, mode: 'whole', reported: desired });
        expect({ ...twinDelta(desired, after) }).toEqual({});
      }),
    );
  });

  it('is bounded in bytes, not characters', () => {
    expect(() => boundedDocument({ note: 'é'.repeat(33_000) }, 'It')).toThrow(
      expect.objectContaining({ code: 'TWIN_TOO_LARGE' }),
    );
    expect(boundedDocument({ note: 'e'.repeat(33_000) }, 'It')).toContain('eee');
  });
});
