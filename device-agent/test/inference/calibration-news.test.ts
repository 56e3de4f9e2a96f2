import { expect, it } from '@jest/globals';
import { ReasonBoard } from '../../src/health/reason-board.ts';
import { CalibrationNews } from '../../src/inference/calibration-news.ts';
import { systemClock } from '../../src/runtime.ts';
import { EventList } from '../fixtures/conditions.ts';

const normal = (isSteady: boolean) => ({ location: [1], threshold: 1, isSteady, windows: 40, at: 0 });

it('tells of a normal, warns of a restless one, and keeps the device degraded until it is steady', () => {
  const [events, health] = [new EventList(), new ReasonBoard(systemClock)];
  const news = new CalibrationNews({ name: 'm', version: '1.0.0' }, events, health);
  const codes = (): string[] => health.reasons().map(({ code }) => code);
  news.found(normal(false));
  expect(codes()).toEqual(['CALIBRATION_UNSTEADY']);
  news.found(normal(true));
  expect(codes()).toEqual([]);
  expect(events.events.map(({ kind, severity }) => [kind, severity])).toEqual([
    ['model.calibrated', 'warning'],
    ['model.calibrated', 'info'],
  ]);
  news.inForce(normal(false));
  news.saved(new Error('disk full'));
  expect(codes()).toEqual(['CALIBRATION_UNSTEADY', 'CALIBRATION_NOT_KEPT']);
  news.saved(undefined);
  expect(codes()).toEqual(['CALIBRATION_UNSTEADY']);
});
