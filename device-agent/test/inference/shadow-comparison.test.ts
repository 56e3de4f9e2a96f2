import { describe, expect, it } from '@jest/globals';
import type { SlotVerdict } from '../../src/inference/model-slot-runner.port.ts';
import type { ModelSlot } from '../../src/inference/model-slot.ts';
import { ShadowComparison } from '../../src/inference/shadow-comparison.ts';
import { eventually } from '../fixtures/conditions.ts';

const window = { startAt: 0, endAt: 1_000, samples: [], samplesSeen: 0 };
const saying = (label: string): SlotVerdict => ({
  outputs: { score: 1 },
  label,
  threshold: 1,
  exceeded: false,
  engine: 'native-child',
  latencyMs: 1,
});

const shadowOf = () => {
  const candidate = { says: 'normal' as string | Error, isLearning: false, asked: 0 };
  const slot = {
    infer: async () => {
      candidate.asked += 1;
      if (typeof candidate.says !== 'string') throw candidate.says;
      return saying(candidate.says);
    },
    isUncalibrated: () => candidate.isLearning,
    losses: () => 0,
    state: () => ({ status: 'ready' }),
  } as unknown as ModelSlot;
  const shadow = new ShadowComparison(slot, async () => undefined);
  const see = async (isSure = true): Promise<void> => {
    const before = candidate.asked;
    await eventually(() => {
      shadow.see(window, saying('normal'), isSure);
      return candidate.asked > before;
    });
  };
  return { candidate, shadow, see };
};

describe('a shadow', () => {
  it('counts no window on which either still learns what is normal: both say "normal" then, whatever they see', async () => {
    const { candidate, shadow, see } = shadowOf();
    candidate.isLearning = true;
    await see();
    candidate.isLearning = false;
    await see(false);
    await see();
    candidate.says = 'anomaly';
    await see();
    await eventually(() => shadow.counts().windows === 2);
    expect(shadow.counts()).toMatchObject({ agreed: 1, failures: 0 });
  });

  it('counts what is not answered apart, with why, also while it learns', async () => {
    const { candidate, shadow, see } = shadowOf();
    candidate.isLearning = true;
    candidate.says = new Error('the process ended');
    await see();
    await eventually(() => shadow.counts().failures === 1);
    expect(shadow.counts()).toMatchObject({ windows: 0, agreed: 0, lastFault: 'the process ended' });
  });
});
