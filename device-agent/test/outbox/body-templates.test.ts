import Database from 'better-sqlite3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BodyTemplates } from '../../src/outbox/body-templates.ts';
import { prepareOutboxFile } from '../../src/outbox/outbox-schema.ts';

const withTemplates = (use: (templates: BodyTemplates, db: Database.Database) => void): void => {
  const db = new Database(':memory:');
  try {
    prepareOutboxFile(db, 'memory');
    const templates = new BodyTemplates(db);
    templates.load();
    use(templates, db);
  } finally {
    db.close();
  }
};

const reading = (values: Record<string, number>): string =>
  JSON.stringify({ observedAt: 1.7e12, source: 'pump', values });

describe('bodies of records', () => {
  it('come back as they were, whatever they are, also by another look at the file', () => {
    withTemplates((templates, db) => {
      const later = new BodyTemplates(db);
      fc.assert(
        fc.property(
          fc.constantFrom('readings', 'predictions', 'events'),
          fc.string({ maxLength: 3_000, unit: 'grapheme' }),
          (kind, body) => {
            const packed = templates.pack(kind, body);
            later.load();
            expect([templates.unpack(packed), later.unpack(packed)]).toEqual([body, body]);
          },
        ),
      );
    });
  });

  it('of one shape take less than half of their length from the second on', () => {
    withTemplates((templates) => {
      const bodies = Array.from({ length: 20 }, (_, i) =>
        reading({ Pressure: i / 7, Temperature: 20 + i / 3, Current: i }),
      );
      const packed = bodies.map((body) => templates.pack('readings', body));
      expect(packed.every(({ body }, i) => Buffer.byteLength(body) < (bodies[i]?.length ?? 0) / 2)).toBe(true);
      expect(new Set(packed.map(({ template }) => template)).size).toBe(1);
    });
  });

  it('of ever new shapes do not fill the file with templates', () => {
    withTemplates((templates, db) => {
      for (let i = 0; i < 200; i += 1)
        templates.pack('readings', reading({ [`x${String.fromCodePoint(200 + i)}`]: 1 }));
      expect(db.prepare('SELECT count(*) FROM templates').pluck().get()).toBe(64);
    });
  });

  it('whose template is gone are damage, not nonsense', () => {
    withTemplates((templates) => {
      expect(() => templates.unpack({ template: 9, body: Buffer.of(1, 2, 3) })).toThrow(
        expect.objectContaining({ code: 'OUTBOX_CORRUPT' }),
      );
    });
  });
});
