/** Keeps the device in step with its twin: applies what the fleet desires, remembers it for a start without network, reports what is. */
import {
  decodeFrame,
  desiredTwinSchema,
  diffPatch,
  encodeFrame,
  topics,
  type DesiredTwin,
  type DownTopic,
  type JsonObject,
  type ReportedState,
  type ReportedTwin,
} from '@shoal/protocol/wire';
import { isAgentError, sentenceOf } from '../errors.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { Logger } from '../runtime.ts';
import type { StateFile } from '../state-file.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';
import { applyDesired, parseDesired, type DesiredTargets } from './desired-handlers.ts';

export interface TwinSynchronizerOptions {
  readonly deviceId: string;
  readonly file: StateFile<DesiredTwin>;
  readonly targets: DesiredTargets;
  /** All of what the device reports but the refusal, which is added here. */
  readonly reported: () => ReportedState;
  readonly events: EventRecorder;
  readonly logger: Logger;
  /** At most one patch in this time; also how often slow figures such as the outbox's depth are looked at. */
  readonly reportMs: number;
}

export interface TwinStatus {
  readonly appliedVersion: number;
  readonly desired: JsonObject;
  readonly refusal: { readonly version: number; readonly code: string; readonly message: string } | null;
}

const TOUCH_MS = 250;

export class TwinSynchronizer implements LinkParticipant {
  readonly #options: TwinSynchronizerOptions;
  #applied: DesiredTwin = { v: 1, version: 0, desired: {} };
  #refusal: TwinStatus['refusal'] = null;
  #connection: FleetConnection | undefined;
  #lastReported: JsonObject = {};
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #sentVersion = -1;

  constructor(options: TwinSynchronizerOptions) {
    this.#options = options;
  }

  /** Applies what was desired when the device last heard of it. */
  async start(): Promise<void> {
    const remembered = await this.#options.file.read();
    if (remembered === undefined) return;
    try {
      applyDesired(parseDesired(remembered.desired), this.#options.targets);
      this.#applied = remembered;
    } catch (error) {
      // The device's own configuration has changed since, and no longer has what the fleet names.
      this.#refuse(remembered, error);
    }
  }

  status(): TwinStatus {
    return { appliedVersion: this.#applied.version, desired: this.#applied.desired, refusal: this.#refusal };
  }

  online(connection: FleetConnection): void {
    this.#connection = connection;
    this.#report('whole');
    this.#timer ??= setInterval(() => this.#report('patch'), this.#options.reportMs);
  }

  /** Something worth reporting changed: a patch goes out shortly, one for all changes until then. */
  touch(): void {
    if (this.#connection === undefined) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#report('patch');
    }, TOUCH_MS);
  }

  /** Whatever changed goes out now: the last word before a farewell. */
  reportNow(): void {
    this.#report('patch');
  }

  offline(): void {
    this.#connection = undefined;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
  }

  message(topic: DownTopic, payload: Uint8Array): void {
    if (topic.what !== 'twin') return;
    const twin = readTwin(payload);
    if (twin === undefined) this.#options.logger.warn({}, 'a desired twin that does not match its schema is ignored');
    else void this.#take(twin);
  }

  /** The order of messages is the order of versions, so the last one counts, even after the server lost some. */
  async #take(twin: DesiredTwin): Promise<void> {
    const { file, events, targets, logger } = this.#options;
    try {
      applyDesired(parseDesired(twin.desired), targets);
    } catch (error) {
      this.#refuse(twin, error);
      return;
    }
    const changed = twin.version !== this.#applied.version;
    this.#applied = twin;
    this.#refusal = null;
    if (changed) {
      events.record('configuration.applied', 'info', `Desired version ${twin.version} is in force.`, {
        version: twin.version,
      });
    }
    await file
      .write(twin)
      .catch((error: unknown) => logger.error({ why: sentenceOf(error) }, 'the twin is not remembered'));
    this.#report('patch');
  }

  #refuse(twin: DesiredTwin, error: unknown): void {
    const code = isAgentError(error) ? error.code : 'DESIRED_INVALID';
    const message = sentenceOf(error);
    const isNews = this.#refusal?.version !== twin.version;
    this.#refusal = { version: twin.version, code, message: message.slice(0, 1_024) };
    if (isNews) this.#options.events.record('configuration.refused', 'error', message, { version: twin.version, code });
    this.#report('patch');
  }

  #report(mode: ReportedTwin['mode']): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { deviceId, logger, reported } = this.#options;
    const now = withoutUndefined({ ...reported(), ...(this.#refusal !== null && { refusal: this.#refusal }) });
    const content = mode === 'whole' ? now : diffPatch(this.#lastReported, now);
    const isEmpty = Object.keys(content).length === 0 && this.#sentVersion === this.#applied.version;
    if (mode === 'patch' && isEmpty) return;
    this.#lastReported = now;
    this.#sentVersion = this.#applied.version;
    const message: ReportedTwin = { v: 1, appliedVersion: this.#applied.version, mode, reported: content };
    connection
      .publish(topics.reportedTwin(deviceId), encodeFrame(message))
      .catch((error: unknown) =>
        logger.debug({ why: sentenceOf(error) }, 'the report goes out whole with the next connection'),
      );
  }
}

const readTwin = (payload: Uint8Array): DesiredTwin | undefined => {
  try {
    return desiredTwinSchema.parse(decodeFrame(payload));
  } catch {
    return undefined;
  }
};

/** As it will arrive: JSON knows no undefined, and a merged state knows no null. */
const withoutUndefined = (state: object): JsonObject =>
  JSON.parse(JSON.stringify(state, (_key, value: unknown) => (value === null ? undefined : value))) as JsonObject;
