/** What a run of `npm start` asks of nightly scoring: the job, its runs, and the scores of the fleet. */
import { scoreBulkAnswerSchema, scoringRunPageSchema, type ScoringRun, type ScoringSchedule } from '@shoal/protocol';
import { SimulatorError } from '../errors.ts';

export const NIGHTLY_JOB = 'pump-health';

/** Light and full pumps alike: `pump-week` knows every device that sends readings of a pump. */
const jobOf = (schedule: ScoringSchedule): unknown => ({
  name: NIGHTLY_JOB,
  description: 'Health and days to the next visit of every pump, every night.',
  model: { name: 'pump-health' },
  entities: { kind: 'view', view: 'pump-week' },
  schedule,
  // A pump that was switched off has no row; the others are scored all the same.
  maxQuarantinedPct: 50,
  keepRuns: 14,
});

const refused = async (what: string, response: Response): Promise<SimulatorError> =>
  new SimulatorError('SERVER_ANSWER_INVALID', `${what} was answered ${response.status}: ${await response.text()}`);

/** Defines the job unless it is there. @throws SimulatorError SERVER_ANSWER_INVALID */
export const defineNightly = async (httpUrl: string, schedule: ScoringSchedule): Promise<void> => {
  const response = await fetch(`${httpUrl}/api/scoring/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(jobOf(schedule)),
  });
  if (response.status !== 201 && response.status !== 409) throw await refused('The job of nightly scoring', response);
};

/** Published runs of the job, the newest first. @throws SimulatorError SERVER_ANSWER_INVALID */
export const publishedNights = async (httpUrl: string): Promise<ScoringRun[]> => {
  const response = await fetch(`${httpUrl}/api/scoring/runs?job=${NIGHTLY_JOB}&state=published&limit=100`);
  if (!response.ok) throw await refused('The list of runs', response);
  return scoringRunPageSchema.parse(await response.json()).items;
};

export interface PumpScore {
  readonly deviceId: string;
  readonly health: number;
  readonly daysToThreshold: number;
}

/** Of the run that is published, the least healthy first; a pump without a score is left out. @throws as above */
export const fleetScores = async (httpUrl: string, deviceIds: readonly string[]): Promise<PumpScore[]> => {
  const response = await fetch(`${httpUrl}/api/scores/${NIGHTLY_JOB}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ entities: deviceIds }),
  });
  if (!response.ok) throw await refused('The scores', response);
  const { columns, scores } = scoreBulkAnswerSchema.parse(await response.json());
  const [health, days] = ['health', 'daysToThreshold'].map((name) => columns.indexOf(name));
  return scores
    .flatMap((row, index) => {
      const [of, left] = [row?.[health ?? -1], row?.[days ?? -1]];
      const deviceId = deviceIds[index];
      return typeof of === 'number' && typeof left === 'number' && deviceId !== undefined
        ? [{ deviceId, health: of, daysToThreshold: left }]
        : [];
    })
    .sort((a, b) => a.health - b.health);
};

/** The page of a run. @throws as above */
export const runReport = async (httpUrl: string, runId: string): Promise<string> => {
  const response = await fetch(`${httpUrl}/api/scoring/runs/${runId}/report`);
  if (!response.ok) throw await refused('The report of a run', response);
  return response.text();
};
