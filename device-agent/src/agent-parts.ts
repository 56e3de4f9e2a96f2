/** Makes every part of an agent from its slice of the configuration and joins them; nothing here starts anything. */
import { join } from 'node:path';
import { isWindowed } from '@shoal/models';
import { desiredTwinSchema, type ReportedState } from '@shoal/protocol/wire';
import type { AgentConfig } from './config.ts';
import { benchCommand } from './device-commands/bench-command.ts';
import { CommandDesk } from './device-commands/command-desk.ts';
import { RememberedCommands, rememberedCommandsSchema } from './device-commands/remembered-commands.ts';
import { FallbackDoors } from './fallback/fallback-door.ts';
import { ProcessGauge } from './health/process-gauge.ts';
import { ReasonBoard } from './health/reason-board.ts';
import { DeviceRepository } from './inference/device-repository.ts';
import { createEngineRoom, createShelf } from './engine-parts.ts';
import type { EngineRoom } from './inference/engine-room.ts';
import type { ModelSlot } from './inference/model-slot.ts';
import { modelName, modelStream, sourcesOf } from './model-chains.ts';
import { HoldBook, holdFileSchema } from './ota/update-hold.ts';
import { UpdatesDoor } from './ota/updates-door.ts';
import { OutboxEventRecorder } from './outbox/event-recorder.ts';
import { LossReporter } from './outbox/loss-reporter.ts';
import { OutboxDrainer } from './outbox/outbox-drainer.ts';
import { SqliteOutbox } from './outbox/sqlite-outbox.ts';
import type { Clock, Logger, Random } from './runtime.ts';
import { ModelLane, SamplePipeline } from './sample-pipeline.ts';
import { createRules } from './rule-parts.ts';
import type { RuleEngine } from './rules/rule-engine.ts';
import { createSensing, type SensingParts } from './sensing-parts.ts';
import type { SensorSource } from './sensors/sensor-source.port.ts';
import { StateFile } from './state-file.ts';
import { contextFileSchema, ContextCache } from './twin/context-cache.ts';
import type { DesiredTargets } from './twin/desired-handlers.ts';
import { TwinSynchronizer } from './twin/twin-synchronizer.ts';
import { ClockOffset } from './uplink/clock-offset.ts';
import { FleetUplink } from './uplink/fleet-uplink.ts';
import { MqttLink } from './uplink/mqtt-link.ts';
import { PresenceReporter } from './uplink/presence-reporter.ts';
import { updatePlace } from './updates-config.ts';
import { AGENT_VERSION } from './version.ts';

/** What an agent takes from outside. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly startedAt: () => number;
  /** For the report to the fleet and for the `diagnostics` command. */
  readonly reported: () => ReportedState;
  readonly diagnostics: () => object;
  /** Beside those of the configuration. */
  readonly sources: readonly SensorSource[];
}

export interface AgentParts extends SensingParts {
  readonly gauge: ProcessGauge;
  readonly health: ReasonBoard;
  readonly offset: ClockOffset;
  readonly outbox: SqliteOutbox;
  readonly events: OutboxEventRecorder;
  readonly losses: LossReporter;
  readonly drainer: OutboxDrainer;
  readonly pipeline: SamplePipeline;
  readonly rules: RuleEngine;
  readonly engines: EngineRoom;
  readonly repository: DeviceRepository;
  readonly context: ContextCache;
  readonly twin: TwinSynchronizer;
  readonly remembered: RememberedCommands;
  readonly uplink: FleetUplink;
  readonly fallback: FallbackDoors;
  readonly updates: UpdatesDoor;
}

/** What may be changed while the agent runs, by desired configuration. */
interface Adjustable {
  everyNthReading: number;
  maxDelayMs: number;
}

const createOutbox = (config: AgentConfig, clock: Clock, offset: ClockOffset): SqliteOutbox => {
  const { commitWindowMs, maxBytes, maxAgeMs, maxRecords, memoryRecords, memoryBytes, retryMs } = config.outbox;
  return new SqliteOutbox({
    file: join(config.dataDir, 'outbox.db'),
    bounds: { maxBytes, maxAgeMs, maxRecords },
    memory: { maxRecords: memoryRecords, maxBytes: memoryBytes },
    commitWindowMs,
    retryMs,
    clock,
    trustedNow: () => offset.trustedNow(),
  });
};

/** Everything of one agent. Models get their lanes once their bundles are read. */
export const createParts = (config: AgentConfig, surroundings: Surroundings): AgentParts => {
  const { clock, logger, random, startedAt, reported, diagnostics } = surroundings;
  const { deviceId, dataDir, fleet, publish } = config;
  const adjustable: Adjustable = { everyNthReading: publish.everyNthReading, maxDelayMs: publish.maxDelayMs };
  const health = new ReasonBoard(clock);
  const offset = new ClockOffset({
    clock,
    logger,
    requestTimeoutMs: fleet.replyTimeoutMs,
    intervalMs: fleet.timeSyncMs,
  });
  const outbox = createOutbox(config, clock, offset);
  const events = new OutboxEventRecorder(outbox, clock, logger);
  const losses = new LossReporter({ outbox, events, health, gatherMs: config.outbox.reportLossesMs });
  const drainer = new OutboxDrainer({
    ...publish,
    deviceId,
    outbox,
    clock,
    logger,
    clockState: () => offset.state(),
    maxDelayMs: () => adjustable.maxDelayMs,
  });
  const rules: RuleEngine = createRules(config, {
    ...surroundings,
    events,
    givenSensors: surroundings.sources.map(({ name }) => name),
    onChange: () => twin.touch(),
  });
  const pipeline = new SamplePipeline({
    outbox,
    everyNthReading: () => adjustable.everyNthReading,
    observe: (observation) => rules.observe(observation),
  });
  const sensing = createSensing(config, { ...surroundings, events, health, pipeline });
  const shelf = createShelf(config);
  const engines = createEngineRoom(config, { events, health, shelf }, clock);
  const repository = new DeviceRepository(() => engines.slots, shelf);
  const context = new ContextCache({
    file: new StateFile(join(dataDir, 'context.json'), contextFileSchema),
    requestTimeoutMs: fleet.replyTimeoutMs,
    refreshMs: config.contextRefreshMs,
    serverNow: () => offset.serverNow(),
    logger,
  });
  const place = updatePlace(config);
  const holdFile = new StateFile(join(place.folder, 'hold.json'), holdFileSchema);
  const updates: UpdatesDoor = new UpdatesDoor({
    ...place,
    book: new HoldBook({ file: holdFile, clock, maxMs: config.updates.maxHoldMs }),
    events,
    onChange: () => twin.touch(),
    load: async () => {
      // Only a device whose models are updated pays for the code.
      const { createUpdater } = await import('./update-parts.ts');
      const lanes = { engines, outbox, events, health, pipeline, fallback, ...sensing };
      return createUpdater(config, {
        ...surroundings,
        engines,
        pipeline,
        fallback,
        events,
        health,
        createLane: (slot) => createLane(config, lanes, logger, slot),
        knownNow: () => offset.knownNow(),
        hold: () => updates.held(),
        onChange: () => twin.touch(),
        join: (participant) => uplink.join(participant),
      });
    },
    join: (participant) => uplink.join(participant),
    logger,
  });
  const targets: DesiredTargets = {
    models: () => engines.slots,
    sensors: () => sensing.feeds,
    rules: (desired) => rules.setDesired(desired),
    updates: (assignment) => updates.take(assignment),
    publish: (wanted) => {
      adjustable.everyNthReading = wanted.everyNthReading ?? publish.everyNthReading;
      adjustable.maxDelayMs = wanted.maxDelayMs ?? publish.maxDelayMs;
    },
    contextRefreshMs: (ms) => context.setRefreshMs(ms),
    logLevel: (level) => {
      logger.level = level ?? config.logLevel;
    },
  };
  const twin: TwinSynchronizer = new TwinSynchronizer({
    deviceId,
    file: new StateFile(join(dataDir, 'desired.json'), desiredTwinSchema),
    targets,
    reported,
    events,
    logger,
    reportMs: fleet.twinReportMs,
  });
  const remembered = new RememberedCommands(new StateFile(join(dataDir, 'commands.json'), rememberedCommandsSchema));
  const commands = new CommandDesk({
    deviceId,
    remembered,
    serverNow: () => offset.serverNow(),
    now: () => clock.now(),
    logger,
    handlers: {
      ping: async () => ({ uptimeMs: clock.now() - startedAt(), agentVersion: AGENT_VERSION }),
      diagnostics: async () => JSON.parse(JSON.stringify(diagnostics())),
      calibrate: async ({ model }) => ({
        calibrating: await engines.calibrate(typeof model === 'string' ? model : undefined),
      }),
      'restart-engine': async () => {
        await engines.restartEngines();
        return { engines: engines.slots.map((slot) => `${slot.model.name}: ${slot.state().engine ?? 'none'}`) };
      },
      bench: benchCommand(async (durationMs) => {
        // Only who is asked for it pays for its code.
        const { benchModels } = await import('./inference/bench-models.ts');
        return benchModels(config, { durationMs, onProgress: () => undefined });
      }),
    },
  });
  const presence = new PresenceReporter({
    agentVersion: AGENT_VERSION,
    hardwareClass: config.hardwareClass,
    startedAt,
    epoch: () => outbox.state().epoch,
    models: () => engines.slots.map(({ model }) => model),
    appliedTwinVersion: () => twin.status().appliedVersion,
  });
  const link = new MqttLink({
    ...fleet,
    deviceId,
    will: (connectionId) => presence.will(connectionId, 'lost'),
    clock,
    logger,
  });
  const uplink = new FleetUplink({
    deviceId,
    link,
    presence,
    outbox,
    participants: [offset, twin, commands, context, drainer],
    backoff: { firstMs: fleet.reconnectFirstMs, maxMs: fleet.reconnectMaxMs },
    replyTimeoutMs: fleet.replyTimeoutMs,
    clock,
    random,
    logger,
  });
  const fallback = new FallbackDoors({
    deviceId,
    dataDir,
    config: config.fallback,
    join: (participant) => uplink.join(participant),
    context: () => context.view().values,
    clock,
    random,
  });
  return {
    gauge: new ProcessGauge(),
    health,
    offset,
    outbox,
    events,
    losses,
    drainer,
    pipeline,
    ...sensing,
    rules,
    engines,
    repository,
    context,
    twin,
    remembered,
    uplink,
    fallback,
    updates,
  };
};

/** Lanes for the models that look at windows, each at its sources; the others only answer requests. */
export const createLanes = (config: AgentConfig, parts: LaneParts, logger: Logger): ModelLane[] =>
  parts.engines.slots
    .filter((slot) => isWindowed(slot.bundle.manifest))
    .map((slot) => createLane(config, parts, logger, slot));

type LaneParts = Pick<AgentParts, 'engines' | 'outbox' | 'events' | 'health' | 'feeds' | 'pipeline' | 'fallback'>;

const createLane = (config: AgentConfig, parts: LaneParts, logger: Logger, slot: ModelSlot): ModelLane => {
  const { outbox, events, health, feeds, pipeline, fallback } = parts;
  const assigned = config.models.find((model) => model === slot.assignment);
  const link = assigned ?? { bundle: slot.model.name, source: slot.assignment.source };
  const stream = modelStream(modelName(link) ?? slot.model.name);
  const sources = sourcesOf(link, feeds[0]?.status().name);
  const {
    maxQueuedWindows = 64,
    allowedLatenessMs = 0,
    maxWindowSamples = 100_000,
    joinWaitMs = 5_000,
  } = assigned ?? {};
  const bounds = { maxQueued: maxQueuedWindows, allowedLatenessMs, joinWaitMs, maxSamples: maxWindowSamples };
  const onPrediction = pipeline.predicted.bind(pipeline);
  const runner = fallback.doorOf(slot);
  return new ModelLane({ slot, runner, stream, sources, ...bounds, outbox, events, health, logger, onPrediction });
};
