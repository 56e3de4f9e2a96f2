/** One real agent that replays one experiment to a real server, and the verdicts the server then holds. */
import { join } from 'node:path';
import { createAgent, parseAgentConfig } from '@shoal/device-agent';
import type { StoredPrediction } from '@shoal/protocol';
import type { Experiment } from './experiments.ts';
import type { WindowVerdict } from './row-verdicts.ts';

const MODEL = 'pump-anomaly';
const ANOMALY = 'anomaly';
const PATIENCE_MS = 120_000;
/** Predictions are what is judged; the way of the readings is shown elsewhere. */
const FEW_READINGS = 100_000;

export interface FleetPlace {
  readonly httpUrl: string;
  readonly devicePort: number;
  readonly dataDir: string;
}

export interface JudgedDevice {
  /** In order of `endAt`, in recorded time. */
  readonly verdicts: readonly WindowVerdict[];
  /** Empty when all went well. */
  readonly faults: readonly string[];
  readonly calibrationWindows: number;
  readonly threshold: number;
  readonly isSteady: boolean;
}

const storedPredictions = async (httpUrl: string, deviceId: string): Promise<StoredPrediction[]> => {
  const response = await fetch(`${httpUrl}/api/devices/${deviceId}/predictions?format=ndjson`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as StoredPrediction);
};

/** The device learns from the first `calibrationRows` samples and judges all windows. */
export const judge = async (
  { file, name }: Experiment,
  deviceId: string,
  calibrationRows: number,
  { httpUrl, devicePort, dataDir }: FleetPlace,
): Promise<JudgedDevice> => {
  const agent = createAgent(
    parseAgentConfig({
      deviceId,
      dataDir: join(dataDir, deviceId),
      fleet: { port: devicePort },
      sensors: [{ type: 'replay', name: 'recording', file, speed: 1e9 }],
      models: [{ bundle: MODEL, calibrationSamples: calibrationRows }],
      publish: { everyNthReading: FEW_READINGS },
      localApi: null,
      stopDrainMs: 0,
    }),
  );
  await agent.start();
  try {
    await agent.finished(AbortSignal.timeout(PATIENCE_MS));
  } finally {
    await agent.stop();
  }
  const status = agent.status();
  const shiftMs = status.sensors[0]?.timeShiftMs ?? 0;
  const model = status.models[0];
  const stored = await storedPredictions(httpUrl, deviceId);
  const made = model?.inference.predictions ?? 0;
  const faults = [
    ...(stored.length === made ? [] : [`${name}: ${stored.length} predictions stored of ${made}`]),
    ...(model?.windows.emitted === made ? [] : [`${name}: ${made} predictions of ${model?.windows.emitted} windows`]),
    ...(model?.calibration?.state === 'calibrated' ? [] : [`${name}: never calibrated`]),
  ];
  const verdicts = stored
    .map(({ window, label }) => ({ endAt: window.endAt - shiftMs, isAnomaly: label === ANOMALY }))
    .sort((a, b) => a.endAt - b.endAt);
  const { windows = 0, threshold = 0, steady = true } = model?.calibration ?? {};
  return { verdicts, faults, calibrationWindows: windows, threshold, isSteady: steady };
};
