/** From the configuration of a sensor to its source. */
import type { Readable } from 'node:stream';
import type { SensorConfig } from '../config.ts';
import type { Clock, Logger } from '../runtime.ts';
import type { OpenLocalBroker } from '../local-broker/local-broker.port.ts';
import { openHwmon } from './hwmon.ts';
import { openIio } from './iio.ts';
import { JsonLinesSource } from './json-lines.ts';
import { MqttTopicSource } from './mqtt-topic.ts';
import { PolledSource } from './polled-source.ts';
import { ReplaySource } from './replay.ts';
import { SerialSource } from './serial.ts';
import type { SensorSource } from './sensor-source.port.ts';
import { SyntheticSource } from './synthetic.ts';
import { openSystem } from './system.ts';

export interface SourceSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stdin: Readable;
  readonly openBroker: OpenLocalBroker;
  readonly restartPauseMs: (attempt: number) => number;
}

export const createSource = (config: SensorConfig, surroundings: SourceSurroundings): SensorSource => {
  const { clock, logger, stdin, openBroker, restartPauseMs } = surroundings;
  switch (config.type) {
    case 'replay':
      return new ReplaySource({ ...config, clock });
    case 'synthetic':
      return new SyntheticSource({ ...config, clock });
    case 'json-lines': {
      const { name, command, args, maxLineBytes } = config;
      const from = command === undefined ? { stream: stdin } : { command, args };
      return new JsonLinesSource({ name, from, maxLineBytes, restartPauseMs, clock, logger });
    }
    case 'iio':
      return new PolledSource({ ...config, open: () => openIio(config), clock });
    case 'hwmon':
      return new PolledSource({ ...config, open: () => openHwmon(config), clock });
    case 'system':
      return new PolledSource({ ...config, open: () => openSystem(config), clock });
    case 'serial':
      return new SerialSource({ ...config, clock });
    case 'mqtt-topic': {
      const { channel, ...rest } = config;
      return new MqttTopicSource({ ...rest, channel, openBroker, clock });
    }
  }
};
