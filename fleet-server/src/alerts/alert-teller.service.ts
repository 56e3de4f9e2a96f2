/** Passes on what a step of the rules has brought: to those who follow, and to the deliveries. */
import { Injectable } from '@nestjs/common';
import { DeliveryService } from '../delivery/delivery.service.ts';
import { AlertStore, type AlertStep } from '../ports/alert-store.ts';
import { AlertPublisher } from './alert-publisher.service.ts';
import { Surroundings } from './surroundings.service.ts';

const INTENTS_AT_ONCE = 200;

@Injectable()
export class AlertTeller {
  private readonly store: AlertStore;
  private readonly deliveries: DeliveryService;
  private readonly publisher: AlertPublisher;
  private readonly around: Surroundings;

  constructor(store: AlertStore, deliveries: DeliveryService, publisher: AlertPublisher, around: Surroundings) {
    this.store = store;
    this.deliveries = deliveries;
    this.publisher = publisher;
    this.around = around;
  }

  async tell({ lastChange, intents }: AlertStep): Promise<void> {
    await this.publisher.follow(lastChange);
    if (intents > 0) await this.handOn();
  }

  /** Killed between the two, it hands the same on again: the deliveries know it by its id. */
  private async handOn(): Promise<void> {
    let intents = await this.store.intents(INTENTS_AT_ONCE);
    while (intents.length > 0) {
      await this.deliveries.hand(
        intents.map(({ id, channel, subject, body, alertId }) => ({
          id,
          channel,
          subject,
          body,
          source: { kind: 'alert', id: alertId },
        })),
      );
      await this.store.handedOn(intents.at(-1)?.intent ?? 0);
      intents = await this.store.intents(INTENTS_AT_ONCE);
    }
    this.around.metrics.gauge('alert_intents_waiting', 0);
  }
}
