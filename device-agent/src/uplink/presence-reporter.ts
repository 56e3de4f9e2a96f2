/** What the device says of itself when it comes and when it goes. */
import type { Birth, ModelReference, Will } from '@shoal/protocol/wire';

export interface PresenceOptions {
  readonly agentVersion: string;
  readonly hardwareClass: string;
  /** Milliseconds since the epoch, of this process. */
  readonly startedAt: () => number;
  readonly epoch: () => string;
  readonly models: () => readonly ModelReference[];
  readonly appliedTwinVersion: () => number;
}

export class PresenceReporter {
  readonly #options: PresenceOptions;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  birth(connectionId: string): Birth {
    const { agentVersion, hardwareClass, startedAt, epoch, models, appliedTwinVersion } = this.#options;
    return {
      v: 1,
      state: 'online',
      connectionId,
      epoch: epoch(),
      agentVersion,
      hardwareClass,
      models: models().slice(0, 64),
      startedAt: startedAt(),
      twinVersion: appliedTwinVersion(),
    };
  }

  will(connectionId: string, reason: Will['reason']): Will {
    return { v: 1, state: 'offline', connectionId, reason };
  }
}
