/** From payloads to stored records: decode, place in time, commit, tell. */
import { Injectable } from '@nestjs/common';
import { decodeBatch, type DecodeTally } from '@shoal/protocol';
import { isLight, type RefusedMessage, type UpMessage } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { Metrics } from '../ports/metrics.ts';
import { TelemetryStore, type AppendResult, type IncomingBatch, type NewDeadLetter } from '../ports/telemetry-store.ts';
import { HeavyDecoder, isHeavy } from './heavy-decoder.service.ts';
import { letterOf, letterOfRefused, placeBatch, receivedOf } from './incoming.ts';

@Injectable()
export class IngestService {
  private readonly telemetry: TelemetryStore;
  private readonly bus: MessageBus;
  private readonly metrics: Metrics;
  private readonly heavy: HeavyDecoder;
  constructor(telemetry: TelemetryStore, bus: MessageBus, metrics: Metrics, heavy: HeavyDecoder) {
    this.telemetry = telemetry;
    this.bus = bus;
    this.metrics = metrics;
    this.heavy = heavy;
  }

  /**
   * Stores all messages in one commit. A payload that is no batch becomes a dead letter in the same commit.
   * @returns records per message
   * @throws FleetError STORAGE_UNAVAILABLE: nothing was stored
   */
  async accept(messages: readonly UpMessage[]): Promise<readonly number[]> {
    this.metrics.observe('ingest_batch_messages', messages.length);
    this.metrics.count('messages_received_total', messages.length, { what: 'records' });
    const tally: DecodeTally = { unknownFields: 0 };
    const outcomes = await this.decodeAll(messages, tally);
    if (tally.unknownFields > 0) this.metrics.count('unknown_fields_total', tally.unknownFields);
    const batches: IncomingBatch[] = [];
    const letters: NewDeadLetter[] = [];
    for (const outcome of outcomes) {
      if ('reason' in outcome) letters.push(outcome);
      else batches.push(outcome);
    }
    this.countReceived(batches);
    const mayWait = messages.some(({ payload }) => !isLight(payload));
    const result = await this.telemetry.append(batches, letters, mayWait);
    this.countStored(result, letters);
    if (result.appended.length > 0) {
      this.bus.emit('log.appended', { batchId: result.batchId, appended: result.appended });
    }
    return outcomes.map((outcome) => ('reason' in outcome ? 1 : outcome.count));
  }

  /** @throws FleetError STORAGE_UNAVAILABLE */
  async setAside(message: RefusedMessage): Promise<void> {
    const letter = letterOfRefused(message);
    await this.telemetry.append([], [letter]);
    this.metrics.count('dead_letters_total', 1, { reason: letter.reason });
  }

  /** In the order of the messages; heavy ones are decoded in their thread. */
  private async decodeAll(messages: readonly UpMessage[], tally: DecodeTally): Promise<readonly Outcome[]> {
    const light = messages.map((message) => (isHeavy(message.payload) ? undefined : decodeLight(message, tally)));
    if (!light.includes(undefined)) return light as Outcome[];
    return Promise.all(messages.map(async (message, index) => light[index] ?? this.decodeHeavy(message, tally)));
  }

  private async decodeHeavy(message: UpMessage, tally: DecodeTally): Promise<Outcome> {
    try {
      return await this.heavy.decode(message, tally);
    } catch (error) {
      return letterOf(message, error);
    }
  }

  private countReceived(batches: readonly IncomingBatch[]): void {
    const received = new Map<string, number>();
    const clocks = new Map<string, number>();
    for (const { kind, count, clock } of batches) {
      received.set(kind, (received.get(kind) ?? 0) + count);
      for (const verdict of clock) if (verdict !== 'good') clocks.set(verdict, (clocks.get(verdict) ?? 0) + 1);
    }
    for (const [kind, count] of received) this.metrics.count('records_received_total', count, { kind });
    for (const [clock, count] of clocks) this.metrics.count('records_clock_total', count, { clock });
  }

  private countStored(result: AppendResult, letters: readonly NewDeadLetter[]): void {
    for (const { kind, count } of result.appended) {
      this.metrics.count('records_stored_total', count, { kind });
    }
    if (result.duplicates > 0) this.metrics.count('records_duplicate_total', result.duplicates);
    if (result.conflicts > 0) {
      this.metrics.count('records_conflict_total', result.conflicts);
      this.metrics.count('dead_letters_total', result.conflicts, { reason: 'SEQUENCE_CONFLICT' });
    }
    for (const { reason } of letters) this.metrics.count('dead_letters_total', 1, { reason });
  }
}

type Outcome = IncomingBatch | NewDeadLetter;

const decodeLight = (message: UpMessage, tally: DecodeTally): Outcome => {
  try {
    const received = receivedOf(message);
    return placeBatch(received, decodeBatch(received.kind, message.payload, tally));
  } catch (error) {
    return letterOf(message, error);
  }
};
