/** Puts together what the parts say of themselves: the status for people, the reported state for the fleet. */
import type { ReportedState } from '@shoal/protocol';
import type { AgentParts } from './agent-parts.ts';
import type { AgentStatus, ModelStatus } from './agent-status.ts';
import { dropEntries } from './outbox/drop-counts.ts';
import type { ModelLane } from './sample-pipeline.ts';
import { AGENT_VERSION } from './version.ts';

const modelStatus = ({ slot, assembler, loop }: ModelLane): ModelStatus => ({
  model: slot.model,
  ...slot.state(),
  thresholds: slot.thresholds(),
  engineResidentBytes: slot.residentBytes(),
  windows: assembler.counters(),
  inference: loop.counters(),
});

const healthOf = ({ health }: AgentParts): AgentStatus['health'] => {
  const reasons = health.reasons();
  return { state: reasons.length === 0 ? 'ok' : 'degraded', reasons };
};

export const agentStatus = (
  deviceId: string,
  parts: AgentParts,
  times: { startedAt: number; now: number },
): AgentStatus => {
  const { feeds, pipeline, outbox, uplink, drainer, offset, twin, events } = parts;
  const models = pipeline.lanes.map(modelStatus);
  const inFlight = drainer.inFlight();
  return {
    deviceId,
    agentVersion: AGENT_VERSION,
    pid: process.pid,
    startedAt: times.startedAt,
    uptimeMs: times.now - times.startedAt,
    health: healthOf(parts),
    sensors: feeds.map((feed) => feed.status()),
    models,
    outbox: outbox.state(),
    uplink: { ...uplink.status(), inFlight: inFlight.now, highestInFlight: inFlight.highest },
    clock: offset.state(),
    twin: twin.status(),
    counters: {
      ...pipeline.counters(),
      predictions: models.reduce((sum, { inference }) => sum + inference.predictions, 0),
      events: events.recorded,
    },
  };
};

/** Free of nulls, as a merged twin must be: an engine that is none is called so, an unknown clock offset is left out. */
export const reportedState = (parts: AgentParts): ReportedState => {
  const { outbox, offset, pipeline, feeds } = parts;
  const { epoch, depth, sizeBytes, dropped } = outbox.state();
  const clock = offset.state();
  const drops: Record<string, number> = {};
  for (const { priority, records } of dropEntries(dropped)) drops[priority] = (drops[priority] ?? 0) + records;
  const { state, reasons } = healthOf(parts);
  return {
    agent: { version: AGENT_VERSION },
    health: { state, reasons: [...reasons] },
    outbox: { epoch, depth, sizeBytes, dropped: drops },
    ...(clock.offsetMs !== undefined && {
      clock: { state: clock.state, offsetMs: Math.round(clock.offsetMs), roundTripMs: offset.roundTripMs() },
    }),
    models: Object.fromEntries(
      pipeline.lanes.map(({ slot }) => {
        const { status, engine } = slot.state();
        const { version } = slot.model;
        return [
          slot.model.name,
          { version, state: status, engine: engine ?? 'none', thresholds: { ...slot.thresholds() } },
        ];
      }),
    ),
    sensors: Object.fromEntries(feeds.map((feed) => [feed.status().name, { state: feed.status().state }])),
  };
};
