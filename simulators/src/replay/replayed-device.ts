/** One full agent that replays one recording, and what the ledger says of it afterwards. */
import { join } from 'node:path';
import { createAgent, type Agent, type AgentStatus } from '@shoal/device-agent';
import { fullAgentConfig, PUMP_MODEL } from '../full-agent-config.ts';
import { agentHistory, compareAgent } from '../ledger/agent-history.ts';
import type { ModelView } from '../ledger/compare-samples.ts';
import type { Findings } from '../ledger/findings.ts';
import type { Recording } from './recordings.ts';

export interface ReplayPlace {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Multiple of the recorded speed. */
  readonly speed: number;
  readonly view: ModelView;
}

export interface ReplayOutcome {
  readonly recording: Recording;
  /** Good and bad, as the agent counted them. */
  readonly rowsRead: number;
  readonly badRows: Readonly<Record<string, number>>;
  readonly hasModel: boolean;
  readonly readings: Findings;
  readonly predictions: Findings;
  readonly all: Findings;
}

/** What is still on the way after the last row must move within this time. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 250;
const SENSOR = 'recording';

/** The channels of the model that a recording lacks. */
export const missingChannels = (recording: Recording, view: ModelView): readonly string[] =>
  view.channels.filter((channel) => !recording.channels.includes(channel));

export class ReplayedDevice {
  readonly recording: Recording;
  readonly hasModel: boolean;
  private readonly agent: Agent;
  private readonly view: ModelView;
  private final: AgentStatus | undefined;
  private startedAt = 0;

  constructor(recording: Recording, place: ReplayPlace) {
    const { deviceId, file, disorderMs, rows } = recording;
    const { host, port, speed, view } = place;
    this.recording = recording;
    this.view = view;
    // Of a recording in disorder every window stays open until the end.
    const maxWindowSamples = Math.min(1_000_000, Math.max(100_000, rows.length));
    this.hasModel = missingChannels(recording, view).length === 0;
    const config = fullAgentConfig(
      { deviceId, host, port, dataDir: join(place.dataDir, deviceId) },
      {
        sensors: [{ type: 'replay', name: SENSOR, file, speed }],
        models: this.hasModel
          ? [{ bundle: PUMP_MODEL, allowedLatenessMs: Math.min(disorderMs, 1e12), maxWindowSamples }]
          : [],
      },
    );
    this.agent = createAgent(config);
  }

  /** Resolves when the server has everything, when nothing moves any more, or when the signal aborts; the agent is stopped then. */
  async run(signal: AbortSignal): Promise<void> {
    const stuck = new AbortController();
    let movedAt = performance.now();
    let seen = '';
    const watch = setInterval(() => {
      const { counters, outbox, sensors } = this.agent.status();
      const now = `${counters.readings} ${counters.predictions} ${outbox.depth} ${outbox.uncommitted}`;
      const isReading = sensors.some(({ state }) => state !== 'ended' && state !== 'failed');
      if (now !== seen || isReading) movedAt = performance.now();
      seen = now;
      if (performance.now() - movedAt > PATIENCE_MS) stuck.abort();
    }, LOOK_MS);
    this.startedAt = Date.now();
    try {
      await this.agent.start();
      await this.agent.finished(AbortSignal.any([signal, stuck.signal])).catch(() => undefined);
    } finally {
      clearInterval(watch);
      this.final = this.agent.status();
      await this.agent.stop();
    }
  }

  get progress(): { readonly rows: number; readonly predictions: number; readonly waiting: number } {
    const { sensors, counters, outbox } = this.final ?? this.agent.status();
    const waiting = outbox.depth + outbox.uncommitted;
    return { rows: sensors[0]?.rowsRead ?? 0, predictions: counters.predictions, waiting };
  }

  /** After `run`. @throws SimulatorError SERVER_ANSWER_INVALID */
  async outcome(httpUrl: string): Promise<ReplayOutcome> {
    const { recording, hasModel, view } = this;
    const sensor = this.final?.sensors[0];
    const shiftMs = sensor?.timeShiftMs ?? 0;
    const given = recording.rows.map(({ observedAt, values }) => ({ observedAt: observedAt + shiftMs, values }));
    const findings = compareAgent(
      await agentHistory(httpUrl, recording.deviceId),
      given,
      { [PUMP_MODEL]: view },
      this.startedAt,
    );
    return { recording, hasModel, rowsRead: sensor?.rowsRead ?? 0, badRows: sensor?.bad ?? {}, ...findings };
  }
}
