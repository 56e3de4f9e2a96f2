/** The accounts behind `npm run bench -- kill` must find what is missing, doubled, altered or out of order. */
import { describe, expect, test } from '@jest/globals';
import { AgentLedger } from '../../scripts/bench/kill/agent/agent-ledger.ts';
import type { ArrivedRecord } from '../../scripts/bench/kill/agent/arrivals.ts';
import { compareSamples, type AgentHistory } from '../../scripts/bench/kill/agent/sample-ledger.ts';
import { securedSamples, type Sighting } from '../../scripts/bench/kill/agent/sightings.ts';
import { LoadLedger } from '../../scripts/bench/kill/load/load-ledger.ts';

const EPOCH = '0123456789abcdef0123';

const arrived = (sequence: number, receivedAt: number, stream = 0, score = sequence): ArrivedRecord => ({
  epoch: EPOCH,
  sequence,
  kind: 'readings',
  receivedAt,
  stream,
  record: { sequence, observedAt: 1_000, source: 's', values: { score }, epoch: EPOCH, receivedAt },
});

const ledgerOf = (acceptedThrough: number): AgentLedger => {
  const ledger = new AgentLedger();
  const waiting = [{ sequence: 2, body: '{"observedAt":1000,"source":"s","values":{"score":2}}' }];
  ledger.look({ epoch: EPOCH, acceptedThrough, waiting, dropped: 0, faults: [] }, 0);
  return ledger;
};

describe('what an outbox had accepted', () => {
  test('is all there', () => {
    expect(ledgerOf(3).compare('d', [arrived(1, 10), arrived(2, 10), arrived(3, 11)])).toMatchObject({
      accepted: 3,
      lost: 0,
      duplicated: 0,
      altered: 0,
      orderViolations: 0,
    });
  });

  test('is missed when it is lost, doubled or altered', () => {
    expect(ledgerOf(3).compare('d', [arrived(1, 10), arrived(2, 10)]).lost).toBe(1);
    expect(ledgerOf(2).compare('d', [arrived(1, 10), arrived(2, 10), arrived(2, 11)]).duplicated).toBe(1);
    expect(ledgerOf(2).compare('d', [arrived(1, 10), arrived(2, 10, 0, 7)]).altered).toBe(1);
  });

  test('keeps its order within a class and lane, and not across them', () => {
    expect(ledgerOf(2).compare('d', [arrived(1, 11), arrived(2, 10)]).orderViolations).toBe(1);
    expect(ledgerOf(2).compare('d', [arrived(1, 11, 8), arrived(2, 10, 0)]).orderViolations).toBe(0);
  });

  test('may not shrink, nor end in another epoch', () => {
    const ledger = ledgerOf(9);
    ledger.look({ epoch: EPOCH, acceptedThrough: 8, waiting: [], dropped: 0, faults: [] }, 0);
    ledger.look({ epoch: 'f'.repeat(20), acceptedThrough: 9, waiting: [], dropped: 0, faults: [] }, 0);
    expect(ledger.faults).toHaveLength(2);
  });
});

describe('the samples that had to survive', () => {
  const sighting = (at: number, taken: number): Sighting => ({ askedAt: at, answeredAt: at + 5, taken: { s: taken } });
  const sightings = [sighting(0, 1), sighting(100, 10), sighting(310, 30), sighting(600, 60)];
  const pace = { windowMs: 200, commitMs: 50 };

  test('are those counted a window before an answer that left time for the commit', () => {
    expect(securedSamples(sightings, 700, pace)).toEqual({ s: 30 });
    expect(securedSamples(sightings, 640, pace)).toEqual({ s: 10 });
    expect(securedSamples(sightings, 100, pace)).toEqual({});
  });
});

describe('what the sensors produced', () => {
  const history = (secured: AgentHistory['secured'] = []): AgentHistory => ({
    produced: () => Array.from({ length: 10 }, (_, index) => ({ number: index + 1, at: 1_000 + index * 10 })),
    outages: [{ killedAt: 1_100, readyAt: 2_000 }],
    secured,
  });

  test('may lose the end of a run', () => {
    const findings = compareSamples(history(), 's', [1, 2, 3, 4, 5, 6]);
    expect(findings).toMatchObject({ produced: 10, lostInWindow: 4, lostBeyondWindow: 0, worstLossMs: 40 });
  });

  test('may not lose the middle of a run, nor what was shown to be committed', () => {
    expect(compareSamples(history(), 's', [1, 2, 3, 5, 6]).lostBeyondWindow).toBe(1);
    const secured = [{ sensor: 's', first: 1, last: 8 }];
    expect(compareSamples(history(secured), 's', [1, 2, 3, 4, 5, 6]).lostBeyondWindow).toBe(2);
  });
});

describe('what a server acknowledged', () => {
  const report = { inFlightAtLoss: 0, inFlight: 0, waiting: 0, readyDevices: 1, regressions: 0 };
  const storedWith = (copies: (sequence: number) => number) => ({
    faults: () => [],
    rows: () => 0,
    copiesOf: (_device: string, _epoch: string, sequence: number) => copies(sequence),
    close: () => undefined,
  });

  test('is missed when it is not stored, or stored twice', () => {
    const ledger = new LoadLedger('seed');
    ledger.add({ ...report, acknowledged: [[1, 2]] });
    expect(ledger.records).toBe(8);
    expect(ledger.compareAll(storedWith(() => 1))).toMatchObject({ lost: 0, duplicated: 0 });
    expect(ledger.compareAll(storedWith((sequence) => (sequence === 5 ? 0 : 1))).lost).toBe(1);
    expect(ledger.compareAll(storedWith((sequence) => (sequence === 5 ? 2 : 1))).duplicated).toBe(1);
  });
});
