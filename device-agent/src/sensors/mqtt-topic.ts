/** A topic of a broker on this machine as a sensor: each message is a sample. */
import type { LocalBrokerAddress, LocalMessage, OpenLocalBroker } from '../local-broker/local-broker.port.ts';
import { AgentError } from '../errors.ts';
import type { Clock } from '../runtime.ts';
import { markedSample, parseSampleLine } from './json-sample.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';
import { Tally } from './tally.ts';

export interface MqttTopicOptions {
  readonly name: string;
  readonly broker: LocalBrokerAddress;
  readonly topic: string;
  readonly qos: 0 | 1;
  /** Payloads are plain numbers of this channel; undefined: JSON objects. */
  readonly channel: string | undefined;
  readonly maxPayloadBytes: number;
  readonly openBroker: OpenLocalBroker;
  readonly clock: Clock;
}

/** Messages that may wait for the agent; with more the oldest goes, counted. */
const MAX_WAITING = 1_000;

export class MqttTopicSource implements SensorSource {
  readonly canWait = false;
  readonly name: string;
  readonly #options: MqttTopicOptions;
  readonly #bad = new Tally();
  readonly #waiting: Sample[] = [];
  #wake: () => void = () => undefined;
  #channels: readonly string[] = [];
  #rowsRead = 0;

  constructor(options: MqttTopicOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Of the last message. */
  get channels(): readonly string[] {
    return this.#channels;
  }

  report(): SourceReport {
    return { rowsRead: this.#rowsRead, bad: this.#bad.counts(), timeShiftMs: null };
  }

  // Throws LOCAL_BROKER_FAILED when the broker cannot be reached or the connection ends.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { broker, topic, qos, openBroker } = this.#options;
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop, { once: true });
    const session = await openBroker(broker, signal);
    let ended: string | undefined;
    void session.closed.then((why) => {
      ended = why;
      this.#wake();
    });
    try {
      await session.subscribe(topic, qos, (message) => this.#take(message));
      while (!signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) {
          yield next;
          continue;
        }
        if (ended !== undefined) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      session.close();
    }
    if (signal.aborted) return;
    const sentence = `The local broker ${broker.host}:${broker.port} of ${this.name}: ${ended ?? ''}; it is tried again.`;
    throw new AgentError('LOCAL_BROKER_FAILED', sentence);
  }

  /** A retained message is what was, at a time nobody knows: it is left out, counted. */
  #take(message: LocalMessage): void {
    this.#rowsRead += 1;
    const sample = message.retained ? 'retained' : this.#parse(message.payload);
    if (typeof sample === 'string') return this.#bad.add(sample);
    if (this.#waiting.push(sample) > MAX_WAITING) {
      this.#waiting.shift();
      this.#bad.add('overflowed');
    }
    this.#channels = Object.keys(sample.values);
    this.#wake();
  }

  #parse(payload: Uint8Array): Sample | string {
    const { channel, maxPayloadBytes, clock } = this.#options;
    if (payload.byteLength > maxPayloadBytes) return 'payload-too-long';
    const text = Buffer.from(payload).toString('utf8').trim();
    if (channel === undefined) return parseSampleLine(text, clock.now());
    const value = Number(text);
    if (text === '' || (Number.isNaN(value) && !/^nan$/i.test(text))) return 'not-a-number';
    return markedSample(clock.now(), { [channel]: value });
  }
}
