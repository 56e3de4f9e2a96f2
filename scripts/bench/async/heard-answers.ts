/** A subscriber on MQTT that writes down every answer it hears, for as long as there is a server. */
import { predictionTicketSchema, topics, type PredictionTicket } from '@shoal/protocol';
import { connectAsync, type MqttClient } from 'mqtt';

/** What tells one answer from another. */
export interface HeardAnswer {
  readonly state: PredictionTicket['state'];
  readonly attempts: number;
  readonly finishedAt: number | null;
}

export class HeardAnswers {
  /** By ticket, in the order of hearing. */
  readonly heard = new Map<string, HeardAnswer[]>();
  #client: MqttClient | undefined;

  /** To a server that has just started. */
  async subscribe(url: string): Promise<void> {
    this.#client?.end(true);
    this.#client = await connectAsync(url, { clientId: 'sub-async-bench', reconnectPeriod: 0, protocolVersion: 4 });
    this.#client.on('error', () => undefined);
    this.#client.on('message', (_, payload) => this.#hear(payload));
    await this.#client.subscribeAsync(topics.prediction('+', '+'), { qos: 1 });
  }

  end(): void {
    this.#client?.end(true);
  }

  #hear(payload: Uint8Array): void {
    const ticket = predictionTicketSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    const { id, state, attempts, finishedAt } = ticket;
    const before = this.heard.get(id) ?? [];
    before.push({ state, attempts, finishedAt });
    this.heard.set(id, before);
  }
}
