import { describe, expect, it } from '@jest/globals';
import type { AssignedModel } from '@shoal/protocol';
import { waitFor } from '../../src/ota/start-time.ts';

const MINUTE = 60_000;
const noon = Date.UTC(2026, 2, 9, 12, 0);
const assigned = (over: Partial<AssignedModel>): AssignedModel =>
  ({ deploymentId: 'd', jitterSeconds: 0, ...over }) as AssignedModel;

describe('the beginning of a download', () => {
  it('waits for its instant, then for the window of the day, also over midnight', () => {
    expect(waitFor(assigned({ notBefore: noon + 5 }), 'pump', noon, 0)?.ms).toBe(5);
    const night = assigned({ window: { fromMinute: 23 * 60, minutes: 120 } });
    expect(waitFor(night, 'pump', noon, 0)?.ms).toBe(11 * 60 * MINUTE);
    expect(waitFor(night, 'pump', noon + 12.5 * 60 * MINUTE, 0)).toBeNull();
    expect(waitFor(night, 'pump', noon + 13 * 60 * MINUTE, 0)?.ms).toBe(22 * 60 * MINUTE);
  });

  it('is spread over the jitter, the same for one device however often it asks', () => {
    const jitter = assigned({ jitterSeconds: 100 });
    const waits = Array.from({ length: 400 }, (_, index) => waitFor(jitter, `pump-${index}`, noon, 0)?.ms ?? 0);
    expect(Math.min(...waits)).toBeLessThan(5_000);
    expect(Math.max(...waits)).toBeGreaterThan(95_000);
    const own = waits[7] ?? 0;
    expect(waitFor(jitter, 'pump-7', noon, 1_000)?.ms).toBeCloseTo(own - 1_000);
    expect(waitFor(jitter, 'pump-7', noon, 100_000)).toBeNull();
  });
});
