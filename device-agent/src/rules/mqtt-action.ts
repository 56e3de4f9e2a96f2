/** Publishes a message on a broker of this machine for a rule; tries until its time is over. */
import { setTimeout as delay } from 'node:timers/promises';
import { AgentError, sentenceOf } from '../errors.ts';
import type { LocalBrokerAddress, OpenLocalBroker } from '../local-broker/local-broker.port.ts';
import type { RuleAction, RuleFacts } from './rule-actions.port.ts';

export interface MqttActionOptions {
  readonly broker: LocalBrokerAddress;
  readonly topic: string;
  /** Undefined: the facts, as JSON. */
  readonly payload: string | undefined;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly timeoutMs: number;
  readonly openBroker: OpenLocalBroker;
  /** Milliseconds before the n-th further attempt, n from 0. */
  readonly retryPauseMs: (attempt: number) => number;
}

export class MqttAction implements RuleAction {
  readonly #options: MqttActionOptions;

  constructor(options: MqttActionOptions) {
    this.#options = options;
  }

  /** A connection for one message: rules fire seldom, and an idle connection costs memory and a keepalive. */
  async run(facts: RuleFacts, signal: AbortSignal): Promise<void> {
    const { topic, timeoutMs, retryPauseMs } = this.#options;
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let why = 'there was no time';
    for (let attempt = 0; !until.aborted; attempt += 1) {
      try {
        return await this.#send(facts, until);
      } catch (error) {
        why = sentenceOf(error);
      }
      await delay(retryPauseMs(attempt), undefined, { signal: until }).catch(() => undefined);
    }
    throw new AgentError('RULE_ACTION_FAILED', `The message on ${topic} was not sent within ${timeoutMs} ms: ${why}`);
  }

  async #send(facts: RuleFacts, until: AbortSignal): Promise<void> {
    const { broker, topic, payload = JSON.stringify(facts), qos, retain, openBroker } = this.#options;
    const session = await openBroker(broker, until);
    // Ends a publication that nobody acknowledges.
    const stop = (): void => session.close();
    until.addEventListener('abort', stop, { once: true });
    try {
      const sent = session.publish({ topic, payload, qos, retain });
      const lost = session.closed.then((reason) => Promise.reject(new Error(reason)));
      await Promise.race([sent, lost]);
    } finally {
      until.removeEventListener('abort', stop);
      session.close();
    }
  }
}
