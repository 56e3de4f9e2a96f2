/** Hands live events to everybody who watches; costs nothing while nobody does. */
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { FleetSummary } from '@shoal/protocol';
import type { EventSink } from '../event-stream.ts';
import { Clock } from '../ports/clock.ts';
import { MessageBus } from '../ports/message-bus.ts';
import { Metrics } from '../ports/metrics.ts';
import {
  alertEvent,
  commandEvent,
  deviceEvent,
  eventsOf,
  latestOf,
  rolloutEvent,
  summaryEvent,
  ticketEvent,
  windowEvent,
  type Pending,
} from './live-events.ts';
import { LiveRing, type LiveEvent } from './live-ring.ts';
import { eventText, gapText, parseId, selects, type LiveSelection } from './live-selection.ts';

const RING_EVENTS = 4_096;
/** At most four updates a second of the same thing. */
const FLUSH_MS = 250;
/** Events made and handed out in one turn of the event loop. */
const EVENTS_PER_TURN = 100;
const HEARTBEAT_MS = 15_000;
/** A client that lets so much pile up is dropped; it resumes with its last id. */
const SLOW_CLIENT_BYTES = 1_048_576;
/** Events are kept on after the last client left, so that it can come back. */
const LINGER_MS = 60_000;

interface Watcher {
  readonly selection: LiveSelection;
  readonly sink: EventSink;
}

@Injectable()
export class LiveFeed {
  private readonly bus: MessageBus;
  private readonly clock: Clock;
  private readonly metrics: Metrics;
  private readonly ring = new LiveRing(RING_EVENTS);
  private readonly watchers = new Set<Watcher>();
  private readonly pending = new Map<string, Pending['event']>();
  private run = '';
  private watchedUntil = -Infinity;
  private isKeeping = false;
  private lastSummary: FleetSummary | undefined;
  private unsubscribe: readonly (() => void)[] = [];
  private timers: readonly NodeJS.Timeout[] = [];
  private isFlushing = false;

  constructor(bus: MessageBus, clock: Clock, metrics: Metrics) {
    this.bus = bus;
    this.clock = clock;
    this.metrics = metrics;
  }

  start(): void {
    this.run = this.clock.now().toString(36);
    this.unsubscribe = [
      this.bus.on('log.appended', ({ appended }) => {
        if (!this.isWatched()) return;
        for (const batch of appended) {
          for (const latest of latestOf(batch)) this.keep(latest);
          for (const event of eventsOf(batch)) this.publish(event);
        }
      }),
      this.bus.on('device.changed', ({ device }) => this.isWatched() && this.keep(deviceEvent(device))),
      this.bus.on('window.published', ({ windows }) => {
        if (this.isWatched()) for (const window of windows) this.publish(windowEvent(window));
      }),
      this.bus.on('prediction.changed', ({ tickets }) => {
        if (this.isWatched()) for (const ticket of tickets) this.publish(ticketEvent(ticket));
      }),
      this.bus.on('alert.changed', ({ alert }) => this.isWatched() && this.publish(alertEvent(alert))),
      this.bus.on('rollout.changed', ({ rollout }) => this.isWatched() && this.keep(rolloutEvent(rollout))),
      this.bus.on('command.changed', ({ command }) => this.isWatched() && this.publish(commandEvent(command))),
    ];
    this.timers = [setInterval(() => void this.flush(), FLUSH_MS), setInterval(() => this.beat(), HEARTBEAT_MS)];
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    for (const watcher of this.watchers) watcher.sink.close();
    this.watchers.clear();
  }

  /**
   * Starts with what was missed since `lastEventId`, or with a `gap` event when that is no longer known.
   * @returns the end of watching; to be called when the client is gone
   */
  watch(selection: LiveSelection, lastEventId: string | undefined, sink: EventSink): () => void {
    this.isWatched();
    const watcher = { selection, sink };
    sink.write('retry: 2000\n\n');
    if (lastEventId !== undefined) this.resume(watcher, lastEventId);
    else if (this.lastSummary) this.greet(watcher, this.lastSummary);
    this.watchers.add(watcher);
    this.isKeeping = true;
    this.metrics.gauge('live_clients', this.watchers.size);
    return () => this.leave(watcher);
  }

  summary(summary: FleetSummary): void {
    this.lastSummary = summary;
    if (this.isWatched()) this.publish(summaryEvent(summary));
  }

  /** Sends what waits, a few at a time, so that thousands of devices do not hold up the event loop. */
  async flush(): Promise<void> {
    if (this.isFlushing) return;
    this.isFlushing = true;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (let start = 0; start < waiting.length; start += EVENTS_PER_TURN) {
      for (const event of waiting.slice(start, start + EVENTS_PER_TURN)) this.publish(event());
      await setImmediate();
    }
    this.isFlushing = false;
  }

  /** Whether events are wanted; when nobody has watched for a while, what was kept is forgotten. */
  private isWatched(): boolean {
    if (this.watchers.size > 0) return true;
    const isKept = this.isKeeping && this.clock.monotonic() < this.watchedUntil;
    if (!isKept && this.isKeeping) {
      this.ring.clear();
      this.pending.clear();
      this.isKeeping = false;
    }
    return isKept;
  }

  private keep({ key, event }: Pending): void {
    this.pending.set(key, event);
  }

  private publish(event: LiveEvent): void {
    const numbered = this.ring.push(event);
    const text = eventText(this.run, numbered);
    for (const watcher of this.watchers) if (selects(watcher.selection, event)) this.write(watcher, text);
  }

  private resume(watcher: Watcher, lastEventId: string): void {
    const id = parseId(lastEventId);
    const resumption = id?.run === this.run ? this.ring.since(id.number) : undefined;
    if (resumption?.kind !== 'resumed') {
      this.metrics.count('live_gaps_total');
      watcher.sink.write(gapText(this.run, this.ring.last));
      return;
    }
    for (const event of resumption.missed) {
      if (selects(watcher.selection, event)) watcher.sink.write(eventText(this.run, event));
    }
  }

  /** A newcomer sees the fleet at once instead of at the next change. */
  private greet({ selection, sink }: Watcher, summary: FleetSummary): void {
    const event = { ...summaryEvent(summary), number: this.ring.last };
    if (selects(selection, event)) sink.write(eventText(this.run, event));
  }

  private beat(): void {
    for (const watcher of this.watchers) this.write(watcher, ': heartbeat\n\n');
  }

  private write(watcher: Watcher, text: string): void {
    if (watcher.sink.pendingBytes() > SLOW_CLIENT_BYTES) {
      this.metrics.count('live_clients_dropped_total');
      this.leave(watcher);
      watcher.sink.close();
    } else {
      watcher.sink.write(text);
    }
  }

  private leave(watcher: Watcher): void {
    this.watchers.delete(watcher);
    this.watchedUntil = this.clock.monotonic() + LINGER_MS;
    this.metrics.gauge('live_clients', this.watchers.size);
  }
}
