/** Over any time no more passes than the rate and the burst allow. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TokenBucket } from '../../../../src/adapters/embedded/aedes-gateway/token-bucket.ts';

describe('TokenBucket', () => {
  it('lets a burst pass and then asks to wait for what is over it', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);
    expect(bucket.take(5, 0)).toBe(0);
    expect(bucket.take(1, 0)).toBe(100);
    expect(bucket.take(1, 0)).toBe(200);
    expect(bucket.take(1, 1_000)).toBe(0);
  });

  it('never lets more through in a time than rate and burst allow', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 20 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (takes) => {
        const bucket = new TokenBucket({ perSecond: 100, burst: 50 }, 0);
        let now = 0;
        let passed = 0;
        for (const [pause, tokens] of takes) {
          now += pause;
          now += bucket.take(tokens, now);
          passed += tokens;
          expect(passed).toBeLessThanOrEqual(50 + (now * 100) / 1_000 + 1e-6);
        }
      }),
    );
  });
});
