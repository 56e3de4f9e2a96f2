/** Pumps that wear: one thing grows steadily worse, and the levels of a day and of a week show how far it is. */
import { measured } from '../pump-anomaly/pump-signal.ts';
import { SOUND, truthOf, type ConditionPump, type Levels } from '../pump-condition/pump-conditions.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { LEVELS } from './view.ts';

export const WEARS = ['none', 'clogging', 'imbalance', 'cavitation'] as const;
export type Wear = (typeof WEARS)[number];

/** How bad each is when a pump is worn out: a good third of the flow is gone, it shakes twice as much, a tenth of the head is bubbles. */
const WORN_OUT: Readonly<Record<Exclude<Wear, 'none'>, number>> = { clogging: 0.4, imbalance: 0.25, cavitation: 0.6 };

const levelsOf = (wear: Wear, share: number): Levels => {
  switch (wear) {
    case 'none':
      return SOUND;
    case 'clogging':
      return { ...SOUND, valveClosed: WORN_OUT.clogging * share };
    case 'imbalance':
      return { ...SOUND, imbalance: WORN_OUT.imbalance * share };
    case 'cavitation':
      return { ...SOUND, cavitation: WORN_OUT.cavitation * share };
  }
};

/** Of a day are taken so many moments; readings go on all day. */
const MOMENTS = 40;
/** The room is warmer on one day than on another. */
const ROOM_SPREAD_C = 2;

export interface Span {
  /** Share of the wear at the beginning and at the end. */
  readonly from: number;
  readonly to: number;
}

/** Means of the levels over a span, as the instruments show them. */
export const meanLevels = (pump: ConditionPump, wear: Wear, { from, to }: Span, random: SeededRandom): number[] => {
  const room = { ...pump, ambientC: pump.ambientC + ROOM_SPREAD_C * random.normal() };
  const sums = LEVELS.map(() => 0);
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    const share = from + ((to - from) * (moment + 0.5)) / MOMENTS;
    const shown = measured(truthOf(room, levelsOf(wear, share), pump.supplyV + 0.8 * random.normal()), random);
    LEVELS.forEach(({ channel }, i) => (sums[i] = (sums[i] ?? 0) + shown[channel] / MOMENTS));
  }
  return sums;
};
