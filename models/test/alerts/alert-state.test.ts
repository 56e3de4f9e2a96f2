/** The table of an alert's life: threshold with a band, hold and clear hold in event time. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { advance, ALERT_TABLE, CLEAR, changeBetween, type AlertState, type Verdict } from '../../src/alerts/index.ts';

type Sample = readonly [at: number, verdict: Verdict];

const play = (samples: readonly Sample[], holds = { forMs: 0, clearForMs: 0 }): string[] => {
  let state: AlertState = CLEAR;
  return samples.map(([at, verdict]) => {
    const next = advance(state, at, verdict, holds);
    state = next.state;
    return next.change;
  });
};

describe('an alert', () => {
  it('fires at once without a hold, once, and is resolved at once', () => {
    const samples: Sample[] = [
      [0, 'over'],
      [1, 'holds'],
      [2, 'holds'],
      [3, 'over'],
      [4, 'over'],
      [5, 'holds'],
    ];
    expect(play(samples)).toEqual(['none', 'fired', 'none', 'resolved', 'none', 'fired']);
  });

  it('neither fires nor is resolved in the band between its levels', () => {
    expect(
      play([
        [0, 'between'],
        [1, 'holds'],
        [2, 'between'],
        [3, 'over'],
        [4, 'between'],
      ]),
    ).toEqual(['none', 'fired', 'none', 'resolved', 'none']);
  });

  it('fires only when it held without a break, and a sample says so', () => {
    const holds = { forMs: 10, clearForMs: 0 };
    expect(
      play(
        [
          [0, 'holds'],
          [9, 'holds'],
          [10, 'holds'],
        ],
        holds,
      ),
    ).toEqual(['pended', 'none', 'fired']);
    expect(
      play(
        [
          [0, 'holds'],
          [5, 'between'],
          [6, 'holds'],
          [15, 'holds'],
          [16, 'holds'],
        ],
        holds,
      ),
    ).toEqual(['pended', 'dropped', 'pended', 'none', 'fired']);
    // A gap proves nothing.
    expect(
      play(
        [
          [0, 'holds'],
          [60, 'over'],
        ],
        holds,
      ),
    ).toEqual(['pended', 'dropped']);
  });

  it('is resolved only when it was over without a break', () => {
    expect(
      play(
        [
          [0, 'holds'],
          [1, 'over'],
          [5, 'between'],
          [6, 'over'],
          [15, 'over'],
          [16, 'over'],
        ],
        { forMs: 0, clearForMs: 10 },
      ),
    ).toEqual(['fired', 'none', 'none', 'none', 'none', 'resolved']);
  });

  it('has a row for every level and every verdict', () => {
    const verdicts = ['between', 'holds', 'over'];
    expect(Object.values(ALERT_TABLE).map((row) => Object.keys(row).toSorted())).toEqual([
      verdicts,
      verdicts,
      verdicts,
    ]);
  });

  it('fires and is resolved in turns, whatever comes', () => {
    const sample = fc.tuple(fc.nat(5), fc.constantFrom<Verdict>('holds', 'between', 'over'));
    const holds = fc.record({ forMs: fc.nat(20), clearForMs: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), holds, (steps, spans) => {
        let at = 0;
        const samples = steps.map(([pause, verdict]): Sample => [(at += pause), verdict]);
        const turns = play(samples, spans).filter((change) => change === 'fired' || change === 'resolved');
        expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? 'fired' : 'resolved')));
      }),
    );
  });
});

describe('what was taken back', () => {
  it('leads from one level to another', () => {
    expect(changeBetween('firing', 'clear')).toBe('resolved');
    expect(changeBetween('firing', 'pending')).toBe('resolved');
    expect(changeBetween('clear', 'firing')).toBe('fired');
    expect(changeBetween('clear', 'pending')).toBe('pended');
    expect(changeBetween('pending', 'clear')).toBe('dropped');
    expect(changeBetween('firing', 'firing')).toBe('none');
  });
});
