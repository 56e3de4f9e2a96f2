/** Makes what an agent does by itself: its rules, and the actions that its own configuration defines for them. */
import { join } from 'node:path';
import type { AgentConfig } from './config.ts';
import { openLocalBroker } from './local-broker/local-broker.ts';
import { modelName } from './model-chains.ts';
import type { EventRecorder } from './outbox/event-recorder.port.ts';
import { CommandAction } from './rules/command-action.ts';
import { MqttAction } from './rules/mqtt-action.ts';
import type { RuleAction } from './rules/rule-actions.port.ts';
import { RuleEngine, ruleMemorySchema } from './rules/rule-engine.ts';
import type { LocalActionConfig } from './rules-config.ts';
import type { Logger, Random } from './runtime.ts';
import { StateFile } from './state-file.ts';
import { fullJitterMs } from './uplink/backoff.ts';

interface Joins {
  readonly logger: Logger;
  readonly random: Random;
  readonly events: EventRecorder;
  /** Sensors that an embedding program brought. */
  readonly givenSensors: readonly string[];
  /** Something worth reporting changed. */
  readonly onChange: () => void;
}

const MESSAGE_RETRY = { firstMs: 100, maxMs: 2_000 };

const createAction = (config: LocalActionConfig, random: Random): RuleAction => {
  if (config.kind === 'command') return new CommandAction(config);
  const retryPauseMs = (attempt: number): number => fullJitterMs(MESSAGE_RETRY, attempt, random);
  return new MqttAction({ ...config, payload: config.payload, openBroker: openLocalBroker, retryPauseMs });
};

export const createRules = (config: AgentConfig, joins: Joins): RuleEngine => {
  const { logger, random, events, givenSensors, onChange } = joins;
  const { deviceId, dataDir, rules, localActions, sensors, models } = config;
  return new RuleEngine({
    deviceId,
    rules,
    actions: new Map(Object.entries(localActions).map(([name, action]) => [name, createAction(action, random)])),
    streams: {
      sensors: [...sensors.map(({ name }) => name), ...givenSensors],
      models: models.map(modelName).filter((name) => name !== undefined),
    },
    file: new StateFile(join(dataDir, 'rules.json'), ruleMemorySchema),
    events,
    logger,
    onChange,
  });
};
