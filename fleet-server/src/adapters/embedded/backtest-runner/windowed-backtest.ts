/** A backtest of models that look at windows: device by device, both models over the same stored samples. */
import { setImmediate } from 'node:timers/promises';
import type { BacktestTally } from '@shoal/models/backtest';
import type { BacktestOrder } from '../../../ports/backtest-runner.ts';
import type { Sqlite } from '../sqlite-telemetry/telemetry-file.ts';
import type { AskedModel } from './asked-model.ts';
import { DeviceTrack } from './device-track.ts';
import { storedSamples } from './stored-samples.ts';

/** Windows of one model that are asked about at once. */
const BATCH_ROWS = 4_096;

export interface BothModels {
  readonly champion: AskedModel;
  readonly candidate: AskedModel;
}

export interface BacktestRun {
  readonly order: BacktestOrder;
  readonly models: BothModels;
  readonly tally: BacktestTally;
  readonly stop: AbortSignal;
  /** One more entity is through. */
  readonly onEntity: () => void;
}

/** @throws ModelError when an engine is out of service, SQLite's errors when readings cannot be read */
export const backtestWindows = async (telemetry: Sqlite, run: BacktestRun): Promise<void> => {
  for (const deviceId of run.order.devices) {
    if (run.stop.aborted) return;
    await backtestDevice(telemetry, run, deviceId);
    run.onEntity();
    await setImmediate();
  }
};

const backtestDevice = async (
  telemetry: Sqlite,
  { order, models, tally, stop }: BacktestRun,
  deviceId: string,
): Promise<void> => {
  const { from, to, source } = order;
  const champion = new DeviceTrack(models.champion, tally.champion);
  const candidate = new DeviceTrack(models.candidate, tally.candidate);
  const entity = tally.entity(deviceId);
  for (const samples of storedSamples(telemetry, { deviceId, from, to, source })) {
    for (const sample of samples) {
      champion.add(sample, sample.skewMs);
      candidate.add(sample, sample.skewMs);
    }
    if (Math.max(champion.waiting, candidate.waiting) >= BATCH_ROWS)
      entity.add(await champion.verdicts(), await candidate.verdicts());
    if (stop.aborted) return;
    await setImmediate();
  }
  entity.add(await champion.verdicts(), await candidate.verdicts());
  entity.close();
  champion.close();
  candidate.close();
};
