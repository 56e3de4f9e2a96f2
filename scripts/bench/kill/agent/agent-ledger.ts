/** Holds what one agent's sensors produced and its outbox accepted against what the server has of it. */
import { isDeepStrictEqual } from 'node:util';
import type { AnyRecord } from '@shoal/protocol';
import type { OutboxCopy } from './outbox-copy.ts';
import type { ArrivedRecord } from './arrivals.ts';

export interface AgentFindings {
  readonly accepted: number;
  /** Accepted by the outbox and not on the server. */
  readonly lost: number;
  readonly duplicated: number;
  readonly altered: number;
  readonly orderViolations: number;
  readonly examples: readonly string[];
}

/** Everything that the outbox files showed after kills. */
export class AgentLedger {
  /** Sentences about what an outbox should not have shown. */
  readonly faults: string[] = [];
  private readonly bodies = new Map<number, string>();
  private epoch: string | undefined;
  private acceptedThrough = 0;

  /** @param claimed what the agent had said to have committed before it was killed */
  look(copy: OutboxCopy | undefined, claimed: number): void {
    if (copy === undefined) {
      if (this.epoch !== undefined || claimed > 0) this.faults.push('The outbox file is gone.');
      return;
    }
    if (this.epoch !== undefined && copy.epoch !== this.epoch) this.faults.push('The outbox began a new epoch.');
    const floor = Math.max(claimed, this.acceptedThrough);
    if (copy.acceptedThrough < floor) {
      this.faults.push(`The outbox had committed ${floor} and holds ${copy.acceptedThrough} after a kill.`);
    }
    if (copy.dropped > 0) this.faults.push(`The outbox gave up ${copy.dropped} records within its bounds.`);
    for (const fault of copy.faults) this.faults.push(`outbox.db: ${fault}`);
    this.epoch = copy.epoch;
    this.acceptedThrough = Math.max(floor, copy.acceptedThrough);
    for (const { sequence, body } of copy.waiting) {
      if (!this.bodies.has(sequence)) this.bodies.set(sequence, body);
    }
  }

  /** Sequences 1 to the last accepted must all have arrived, once, as they were, in the order of their class and lane. */
  compare(deviceId: string, arrived: readonly ArrivedRecord[]): AgentFindings {
    const copies = new Map<number, number>();
    let altered = 0;
    for (const { sequence, record } of arrived) {
      copies.set(sequence, (copies.get(sequence) ?? 0) + 1);
      const body = this.bodies.get(sequence);
      if (body !== undefined && !isAsItWaited(body, record)) altered += 1;
    }
    const missing = Array.from({ length: this.acceptedThrough }, (_, index) => index + 1).filter((n) => !copies.has(n));
    const strangers = arrived.filter(({ epoch }) => epoch !== this.epoch).length;
    const repeated = [...copies.values()].reduce((sum, count) => sum + count - 1, 0);
    return {
      accepted: this.acceptedThrough,
      lost: missing.length,
      duplicated: repeated,
      altered: altered + strangers,
      orderViolations: misordered(arrived).length,
      examples: [
        ...missing.slice(0, 3).map((n) => `${deviceId} ${n}: accepted by the outbox and not on the server`),
        ...misordered(arrived)
          .slice(0, 3)
          .map((n) => `${deviceId} ${n}: received before its predecessor of the same class and lane`),
      ],
    };
  }
}

const isAsItWaited = (body: string, record: AnyRecord): boolean =>
  Object.entries(JSON.parse(body) as object).every(([field, value]) =>
    isDeepStrictEqual(value, record[field as keyof AnyRecord]),
  );

/** Sequences received before an earlier sequence of the same epoch, class and lane. */
const misordered = (arrived: readonly ArrivedRecord[]): number[] => {
  const latest = new Map<string, number>();
  const found: number[] = [];
  for (const { epoch, sequence, stream: classAndLane, receivedAt } of arrived.toSorted(
    (a, b) => a.sequence - b.sequence,
  )) {
    const stream = `${epoch}/${classAndLane}`;
    const before = latest.get(stream) ?? 0;
    if (receivedAt < before) found.push(sequence);
    latest.set(stream, Math.max(before, receivedAt));
  }
  return found;
};
