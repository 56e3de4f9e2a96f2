/** What a calibration tells the fleet and the health of the device. */
import type { ModelReference } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { FoundNormal } from './calibration-state.ts';

export class CalibrationNews {
  readonly #model: ModelReference;
  readonly #events: EventRecorder;
  readonly #health: HealthBoard;

  constructor(model: ModelReference, events: EventRecorder, health: HealthBoard) {
    this.#model = model;
    this.#events = events;
    this.#health = health;
  }

  /** A normal was found just now. */
  found(normal: FoundNormal): void {
    const { name, version } = this.#model;
    const { threshold, windows, isSteady } = normal;
    const facts = { model: name, version, threshold, windows, steady: isSteady };
    const message = isSteady ? `${name} learnt this device's normal from ${windows} windows.` : this.#restless(normal);
    this.#events.record('model.calibrated', isSteady ? 'info' : 'warning', message, facts);
    this.inForce(normal);
  }

  /** A normal holds, found now or by an earlier process. */
  inForce(normal: FoundNormal): void {
    const { name } = this.#model;
    if (normal.isSteady) this.#health.clear('CALIBRATION_UNSTEADY', name);
    else this.#health.raise('CALIBRATION_UNSTEADY', name, this.#restless(normal));
  }

  /** `failure` is undefined when the state is on disk. */
  saved(failure: unknown): void {
    const { name } = this.#model;
    if (failure === undefined) this.#health.clear('CALIBRATION_NOT_KEPT', name);
    else this.#health.raise('CALIBRATION_NOT_KEPT', name, sentenceOf(failure));
  }

  #restless({ windows }: FoundNormal): string {
    return `${this.#model.name} learnt from ${windows} windows that were too restless to be one normal; calibrate again when the machine runs steadily.`;
  }
}
