import { describe, expect, it } from '@jest/globals';
import { PRIORITY_CLASSES, RECORD_KINDS } from '@shoal/protocol';
import { CLASS_CODES, KIND_CODES } from '../../src/outbox/record-codes.ts';

describe('codes of the outbox file', () => {
  it('stand for every class and kind of the contract, and rank the classes as the contract does', () => {
    expect(CLASS_CODES).toEqual(PRIORITY_CLASSES);
    expect([...KIND_CODES].sort()).toEqual([...RECORD_KINDS].sort());
  });

  it('mean what they meant in every file so far', () => {
    expect([CLASS_CODES.indexOf('reading'), KIND_CODES.indexOf('events')]).toEqual([2, 2]);
  });
});
