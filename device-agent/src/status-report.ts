/** Puts together what the parts say of themselves: the status for people, the reported state for the fleet. */
import type { ReportedState } from '@shoal/protocol/wire';
import type { AgentParts } from './agent-parts.ts';
import type { AgentStatus, ModelStatus } from './agent-status.ts';
import { dropEntries } from './outbox/drop-counts.ts';
import type { ModelLane } from './sample-pipeline.ts';
import { AGENT_VERSION } from './version.ts';

const modelStatus = ({ slot, runner, stream, sources, assembler, loop }: ModelLane): ModelStatus => ({
  model: slot.model,
  stream,
  sources,
  ...slot.state(),
  thresholds: slot.thresholds(),
  calibration: slot.calibration(),
  drift: slot.drift(),
  engineResidentBytes: slot.residentBytes(),
  windows: assembler.counters(),
  inference: loop.counters(),
  fallback: runner.report(),
});

const sensorStatuses = ({ feeds, watches }: AgentParts): AgentStatus['sensors'] =>
  watches.flatMap((watch, index) => {
    const status = feeds[index]?.status();
    return status === undefined ? [] : [{ ...status, signal: watch.counters() }];
  });

/** Rates and counters change with every sample; only what is wrong is worth a report. */
const reportedSensors = (parts: AgentParts): Record<string, object> =>
  Object.fromEntries(
    sensorStatuses(parts).map(({ name, state, units, signal }) => {
      const problems = signal.problems.map(({ kind, channel }) => (channel === null ? kind : `${kind}: ${channel}`));
      return [name, { state, problems, ...(units !== undefined && { units }) }];
    }),
  );

const reportedRules = ({ rules }: AgentParts): ReportedState['rules'] =>
  Object.fromEntries(
    rules.status().map(({ name, state, activeSince, lastFiredAt, fired, failedActions }) => {
      const since = activeSince === null ? {} : { activeSince };
      return [name, { state, ...since, ...(lastFiredAt !== null && { lastFiredAt }), fired, failedActions }];
    }),
  );

const healthOf = ({ health }: AgentParts): AgentStatus['health'] => {
  const reasons = health.reasons();
  return { state: reasons.length === 0 ? 'ok' : 'degraded', reasons };
};

export const agentStatus = (
  deviceId: string,
  parts: AgentParts,
  times: { startedAt: number; now: number },
): AgentStatus => {
  const { pipeline, outbox, uplink, drainer, offset, twin, events, gauge } = parts;
  const models = pipeline.lanes.map(modelStatus);
  const inFlight = drainer.inFlight();
  return {
    deviceId,
    agentVersion: AGENT_VERSION,
    pid: process.pid,
    startedAt: times.startedAt,
    uptimeMs: times.now - times.startedAt,
    health: healthOf(parts),
    sensors: sensorStatuses(parts),
    models,
    rules: parts.rules.status(),
    outbox: outbox.state(),
    uplink: { ...uplink.status(), inFlight: inFlight.now, highestInFlight: inFlight.highest },
    clock: offset.state(),
    twin: twin.status(),
    counters: {
      ...pipeline.counters(),
      predictions: models.reduce((sum, { inference }) => sum + inference.predictions, 0),
      events: events.recorded,
    },
    process: gauge.facts(),
  };
};

/** Free of nulls, as a merged twin must be: an engine that is none is called so, an unknown clock offset is left out. */
export const reportedState = (parts: AgentParts): ReportedState => {
  const { outbox, offset, pipeline } = parts;
  const { epoch, depth, sizeBytes, dropped } = outbox.state();
  const clock = offset.state();
  const drops: Record<string, number> = {};
  for (const { priority, records } of dropEntries(dropped)) drops[priority] = (drops[priority] ?? 0) + records;
  const { state, reasons } = healthOf(parts);
  const updateHold = parts.updates.held();
  return {
    agent: { version: AGENT_VERSION },
    health: { state, reasons: [...reasons] },
    outbox: { epoch, depth, sizeBytes, dropped: drops },
    ...(clock.offsetMs !== undefined && {
      clock: { state: clock.state, offsetMs: Math.round(clock.offsetMs), roundTripMs: offset.roundTripMs() },
    }),
    models: Object.fromEntries(
      pipeline.lanes.map(({ slot, runner }) => {
        const fallback = runner.report();
        const { status, engine } = slot.state();
        const { version } = slot.model;
        const calibration = slot.calibration() ?? { state: 'none' };
        const { state: drift, moved } = slot.drift();
        return [
          slot.model.name,
          {
            version,
            digest: slot.model.digest,
            state: status,
            engine: engine ?? 'none',
            thresholds: { ...slot.thresholds() },
            calibration: { ...calibration },
            drift: { state: drift, moved: [...moved] },
            ...(fallback !== null && { fallback: { asks: fallback.asks, breaker: fallback.breaker.state } }),
          },
        ];
      }),
    ),
    sensors: reportedSensors(parts),
    rules: reportedRules(parts),
    updates: parts.updates.report(),
    ...(updateHold !== null && { updateHold }),
  };
};
