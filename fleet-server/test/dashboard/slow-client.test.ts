/** What the feed does with clients that do not read: bounded memory, a counter, everybody else undisturbed. */
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { InProcessBus } from '../../src/adapters/embedded/in-process-bus.ts';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { LiveFeed } from '../../src/dashboard/live-feed.service.ts';
import type { EventSink } from '../../src/event-stream.ts';
import { Clock } from '../../src/ports/clock.ts';

class HandClock extends Clock {
  time = 0;
  override now(): number {
    return this.time;
  }
  override monotonic(): number {
    return this.time;
  }
}

class Sink implements EventSink {
  texts: string[] = [];
  pending = 0;
  isClosed = false;
  pendingBytes(): number {
    return this.pending;
  }
  write(text: string): void {
    this.texts.push(text);
  }
  close(): void {
    this.isClosed = true;
  }
}

const selection = { topics: new Set(['commands'] as const), deviceId: undefined };
const command = {
  commandId: 'k-1',
  deviceId: 'a',
  name: 'ping',
  state: 'queued',
  parameters: null,
  createdAt: 1,
  createdBy: 'x',
  expiresAt: 2,
  sentAt: null,
  acknowledgedAt: null,
  finishedAt: null,
  result: null,
  error: null,
} as const;

describe('the live feed under a slow client', () => {
  const start = () => {
    const metrics = new PrometheusMetrics();
    const bus = new InProcessBus(metrics, pino({ level: 'silent' }));
    const clock = new HandClock();
    const feed = new LiveFeed(bus, clock, metrics);
    feed.start();
    return { metrics, bus, clock, feed };
  };

  it('drops it, counts it, and serves the others', async () => {
    const { metrics, bus, feed } = start();
    const [slow, quick] = [new Sink(), new Sink()];
    feed.watch(selection, undefined, slow);
    feed.watch(selection, undefined, quick);
    slow.pending = 2_000_000;
    bus.emit('command.changed', { command });
    bus.emit('command.changed', { command });
    expect([slow.isClosed, quick.isClosed]).toEqual([true, false]);
    expect(slow.texts).toHaveLength(1);
    expect(quick.texts.filter((text) => text.startsWith('event: commands'))).toHaveLength(2);
    expect(await metrics.expose()).toContain('shoal_live_clients_dropped_total 1');
    feed.stop();
    expect(quick.isClosed).toBe(true);
  });

  it('keeps events for a minute after the last client left, then forgets and says so', () => {
    const { bus, clock, feed } = start();
    const first = new Sink();
    const leave = feed.watch(selection, undefined, first);
    bus.emit('command.changed', { command });
    leave();
    const id = /id: (.*)/.exec(first.texts.at(-1) ?? '')?.[1] ?? '';
    clock.time = 59_000;
    bus.emit('command.changed', { command });
    const back = new Sink();
    feed.watch(selection, id, back)();
    expect(back.texts.filter((text) => text.startsWith('event: commands'))).toHaveLength(1);
    clock.time = 59_000 + 60_001;
    bus.emit('command.changed', { command });
    const late = new Sink();
    feed.watch(selection, id, late);
    expect(late.texts.at(-1)).toContain('event: gap');
    feed.stop();
  });
});
