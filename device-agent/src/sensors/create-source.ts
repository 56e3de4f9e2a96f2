/** From the configuration of a sensor to its source. */
import type { Readable } from 'node:stream';
import type { SensorConfig } from '../config.ts';
import type { Clock, Logger } from '../runtime.ts';
import { JsonLinesSource } from './json-lines.ts';
import { ReplaySource } from './replay.ts';
import type { SensorSource } from './sensor-source.port.ts';
import { SyntheticSource } from './synthetic.ts';

export interface SourceSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stdin: Readable;
  readonly restartPauseMs: (attempt: number) => number;
}

export const createSource = (config: SensorConfig, surroundings: SourceSurroundings): SensorSource => {
  const { clock, logger, stdin, restartPauseMs } = surroundings;
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
  }
};
