/** What the engines of a model tell the fleet and the health of the device. */
import type { EngineState } from '@shoal/models';
import type { ModelReference } from '@shoal/protocol/wire';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';

type Facts = Readonly<Record<string, string | null>>;

export class EngineNews {
  readonly #model: ModelReference;
  readonly #events: EventRecorder;
  readonly #health: HealthBoard;
  #lastEngine: string | null = null;

  constructor(model: ModelReference, events: EventRecorder, health: HealthBoard) {
    this.#model = model;
    this.#events = events;
    this.#health = health;
  }

  /** `before` is undefined at the first state. */
  changed(state: EngineState, before: EngineState | undefined): void {
    const { name, version } = this.#model;
    const facts = { model: name, version, engine: state.engine, code: state.reason?.code ?? null };
    const why = state.reason?.message ?? '';
    if (state.status === 'restarting')
      this.#events.record('engine.failed', 'error', `${state.engine} failed while it ran ${name}: ${why}`, facts);
    if (state.status === 'ready') this.#ready(state, facts, why);
    if (state.status === 'unavailable' && before?.status !== 'unavailable') {
      const message = `No engine runs ${name} ${version}; readings are sent without predictions. ${why}`;
      this.#events.record('model.unavailable', 'error', message, facts);
      this.#health.raise('MODEL_UNAVAILABLE', name, message);
    }
  }

  #ready(state: EngineState, facts: Facts, why: string): void {
    const [events, health] = [this.#events, this.#health];
    const { name, version } = this.#model;
    const from = this.#lastEngine;
    this.#lastEngine = state.engine;
    health.clear('MODEL_UNAVAILABLE', name);
    if (state.reason === null) health.clear('ENGINE_FALLEN_OVER', name);
    else health.raise('ENGINE_FALLEN_OVER', name, `${state.engine} serves ${name} in place of a better engine: ${why}`);
    if (from === null) events.record('model.activated', 'info', `${name} ${version} serves on ${state.engine}.`, facts);
    const fellOver = from === null ? state.reason !== null : from !== state.engine;
    if (!fellOver) return;
    const severity = state.reason === null ? 'info' : 'warning';
    events.record('engine.changed', severity, `${state.engine} serves ${name} ${version}. ${why}`.trim(), {
      ...facts,
      from,
    });
  }
}
