/** The chain shows every kind of tampering. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHAIN_START, chainHash, verifyEntries, type ChainedEntry } from '../../src/audit/audit-chain.ts';

const text = fc.option(fc.string(), { nil: null });
const entryArbitrary = fc.record({
  at: fc.nat(),
  principal: fc.string(),
  from: text,
  action: fc.string(),
  subject: fc.string(),
  before: text,
  after: text,
});

type Entry = ChainedEntry & { readonly hash: string };

const chain = (contents: readonly Omit<ChainedEntry, 'id'>[]): Entry[] => {
  let { hash } = CHAIN_START;
  return contents.map((content, index) => {
    const entry = { ...content, id: index + 1 };
    hash = chainHash(hash, entry);
    return { ...entry, hash };
  });
};

const chainArbitrary = fc.array(entryArbitrary, { minLength: 1, maxLength: 12 }).map(chain);

describe('the audit chain', () => {
  it('accepts what was appended', () => {
    fc.assert(
      fc.property(chainArbitrary, (entries) => {
        expect(verifyEntries(CHAIN_START, entries)).toEqual({
          position: { lastId: entries.length, hash: entries.at(-1)?.hash },
          broken: undefined,
        });
      }),
    );
  });

  it('names the entry whose content was altered', () => {
    fc.assert(
      fc.property(chainArbitrary, fc.nat(), fc.constantFrom(...fields), (entries, at, field) => {
        const index = at % entries.length;
        const altered = entries.map((entry, other) =>
          other === index ? { ...entry, [field]: field === 'at' ? entry.at + 1 : `${entry[field] ?? ''}!` } : entry,
        );
        expect(verifyEntries(CHAIN_START, altered).broken).toMatchObject({ ok: false, brokenAt: index + 1 });
      }),
    );
  });

  it('notices an entry that is missing before the end, and one that was rehashed alone', () => {
    fc.assert(
      fc.property(fc.array(entryArbitrary, { minLength: 2, maxLength: 12 }).map(chain), fc.nat(), (entries, at) => {
        const index = at % (entries.length - 1);
        const removed = entries.filter((_, other) => other !== index);
        expect(verifyEntries(CHAIN_START, removed).broken).toMatchObject({ ok: false, brokenAt: index + 1 });
        const forged = { ...(entries[index] as Entry), action: 'forged' };
        const hash = chainHash(entries[index - 1]?.hash ?? CHAIN_START.hash, forged);
        fc.pre(hash !== entries[index]?.hash);
        const rehashed = entries.map((entry, other) => (other === index ? { ...forged, hash } : entry));
        expect(verifyEntries(CHAIN_START, rehashed).broken).toMatchObject({ ok: false, brokenAt: index + 2 });
      }),
    );
  });
});

const fields = ['at', 'principal', 'from', 'action', 'subject', 'before', 'after'] as const;
