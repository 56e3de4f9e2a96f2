/** Who is drawn into which stage. */
import { describe, expect, it } from '@jest/globals';
import { rolloutDefinitionSchema } from '@shoal/protocol';
import fc from 'fast-check';
import { drawCohort, stageOfJoiner, type Candidate } from '../../src/rollouts/cohort-draw.ts';
import { CONTROL } from '../../src/rollouts/rollout.ts';

const define = (stages: object[], controlPercent = 0) =>
  rolloutDefinitionSchema.parse({ name: 't', model: 'm', version: '1', stages, cohort: { controlPercent } });
const candidates = fc
  .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { maxLength: 80 })
  .chain((ids) =>
    fc
      .array(fc.constantFrom('pi', 'x64', 'mcu'), { minLength: ids.length, maxLength: ids.length })
      .map((classes) => ids.map((deviceId, index): Candidate => ({ deviceId, hardwareClass: classes[index] ?? 'pi' }))),
  );
const STAGES = [{ to: { devices: 3 } }, { to: { percent: 40 } }, { to: { percent: 100 } }];

describe('drawing a cohort', () => {
  it('places everybody once, whatever the order, and the same again', () => {
    fc.assert(
      fc.property(candidates, fc.integer(), (devices, seed) => {
        const drawn = drawCohort('r-1', devices, define(STAGES, 10));
        const shuffled = devices.toSorted(
          (a, b) => ((a.deviceId.length * seed) % 7) - ((b.deviceId.length * seed) % 7),
        );
        expect(drawCohort('r-1', shuffled, define(STAGES, 10))).toEqual(drawn);
        expect([...drawn.keys()].toSorted()).toEqual(devices.map(({ deviceId }) => deviceId).toSorted());
        const control = [...drawn.values()].filter((stage) => stage === CONTROL).length;
        expect(control).toBe(Math.ceil(devices.length * 0.1));
      }),
    );
  });

  it('has every class in proportion up to the end of any stage', () => {
    fc.assert(
      fc.property(candidates, (devices) => {
        const drawn = drawCohort('r-2', devices, define(STAGES));
        for (let stage = 0; stage < STAGES.length; stage += 1) {
          const reached = devices.filter(({ deviceId }) => (drawn.get(deviceId) ?? 0) <= stage);
          const share = reached.length / Math.max(1, devices.length);
          for (const hardwareClass of ['pi', 'x64', 'mcu']) {
            const all = devices.filter((device) => device.hardwareClass === hardwareClass).length;
            const got = reached.filter((device) => device.hardwareClass === hardwareClass).length;
            expect(Math.abs(got - share * all)).toBeLessThanOrEqual(3);
            expect(got > 0 || all === 0 || reached.length < 3).toBe(true);
          }
        }
      }),
    );
  });

  it('draws another canary for another rollout', () => {
    const devices = Array.from({ length: 60 }, (_, index) => ({ deviceId: `d-${index}`, hardwareClass: 'pi' }));
    const canary = (id: string): string[] =>
      [...drawCohort(id, devices, define(STAGES))].filter(([, stage]) => stage === 0).map(([id_]) => id_);
    expect(canary('r-3')).toHaveLength(3);
    expect(canary('r-3').toSorted()).not.toEqual(canary('r-4').toSorted());
  });

  it('never puts a joiner into a stage that is through', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 2 }), (deviceId, current) => {
        const stage = stageOfJoiner('r-5', deviceId, define(STAGES), current);
        expect(stage).toBeGreaterThanOrEqual(current);
        expect(stage).toBeLessThan(STAGES.length);
      }),
    );
  });
});
