/** A fleet comes back after a week: what its backlog does to devices that were never away, and whether every window is right. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { StreamStatus, WindowResult } from '@shoal/protocol';
import { MINUTE_MS, awayDeviceId, type AwaySpan } from './backlog/away-records.ts';
import { BY_DEVICE, BY_SITE, STREAMS, siteOf } from './backlog/away-streams.ts';
import type { FloodOrder, FloodResult } from './backlog/flood.ts';
import type { LiveOrder, LiveStretch } from './backlog/live-load.ts';
import { WindowOracle, type WindowCheck } from './backlog/window-oracle.ts';
import { quantile, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';
import { ServerUnderTest } from './load/server-under-test.ts';

const MS_PER_SECOND = 1_000;
const US_PER_MS = 1_000;
const BYTES_PER_MB = 1_000_000;
const KB_PER_MB = 1_024;
const HOUR_MS = 3_600_000;
const LIVE = { devices: 100, perSecond: 200 } as const;
const WARM_UP_MS = 5_000;
const LOOK_MS = 100;
/** A week of minutes. */
const WEEK = 10_080;
const SCALE = {
  full: { devices: 1_000, records: WEEK, normalMs: 45_000 },
  quick: { devices: 40, records: WEEK, normalMs: 5_000 },
} as const;

type Scale = (typeof SCALE)[keyof typeof SCALE];

class BacklogRun {
  readonly #server = new ServerUnderTest();
  readonly #live = new BenchChild('../backlog/live-load');
  readonly #flood = new BenchChild('../backlog/flood');
  readonly #scale: Scale;
  readonly #span: AwaySpan;
  readonly #log: BenchOptions['log'];
  readonly #faults: string[] = [];

  constructor({ quick, log }: BenchOptions) {
    this.#scale = quick ? SCALE.quick : SCALE.full;
    this.#log = log;
    const { records } = this.#scale;
    const startAt = Math.floor((Date.now() - records * MINUTE_MS) / HOUR_MS) * HOUR_MS;
    this.#span = { startAt, records };
  }

  async run(): Promise<BenchResult> {
    try {
      await this.#prepare();
      const normal = await this.#normal();
      const cpuBefore = this.#server.cpuMs();
      const flooding = { what: 'flood', port: this.#server.mqttPort } as const;
      const flood = await this.#flood.ask<FloodResult>(flooding satisfies FloodOrder);
      const meanwhile = await this.#cut('during the backlog');
      const loopMs = await this.#server.loopDelayP99Ms();
      this.#judge(flood);
      const behindS = await this.#countedInWindows();
      const after = await this.#cut('while the streams caught up');
      const cpuMs = this.#server.cpuMs() - cpuBefore;
      this.#judgeLive(await this.#live.ask<LiveStretch>({ what: 'finish' } satisfies LiveOrder));
      await this.#eachStream(({ isCaughtUp }) => isCaughtUp);
      const records = this.#scale.devices * this.#scale.records;
      const windows = await this.#checkWindows();
      const [p99, p50] = [(of: Float64Array) => quantile([...of], 0.99), (of: Float64Array) => quantile([...of], 0.5)];
      return {
        figures: {
          backlog_records: records,
          live_p99_ratio: p99(meanwhile) / p99(normal),
          wrong_windows: windows.wrong,
          windows: windows.expected,
          live_p99_normal_ms: p99(normal),
          live_p99_meanwhile_ms: p99(meanwhile),
          live_p50_normal_ms: p50(normal),
          live_p50_meanwhile_ms: p50(meanwhile),
          live_max_meanwhile_ms: meanwhile.reduce((most, ms) => Math.max(most, ms), 0),
          live_p99_catching_up_ms: p99(after),
          live_messages_meanwhile: meanwhile.length,
          backlog_s: flood.seconds,
          backlog_records_per_s: records / flood.seconds,
          streams_behind_s: behindS,
          longest_silence_s: flood.longestSilenceMs / MS_PER_SECOND,
          loop_p99_ms: loopMs,
          cpu_us_per_record: (cpuMs * US_PER_MS) / records,
          payload_mb: flood.payloadBytes / BYTES_PER_MB,
          server_rss_mb: this.#server.residentKb() / KB_PER_MB,
          devices: this.#scale.devices,
        },
        faults: this.#faults,
      };
    } finally {
      await this.#flood.end();
      await this.#live.end();
      await this.#server.stop();
    }
  }

  async #prepare(): Promise<void> {
    const { devices } = this.#scale;
    await this.#server.start();
    for (let index = 0; index < devices; index += 1) {
      await this.#server.post('/api/devices', { deviceId: awayDeviceId(index), labels: { site: siteOf(index) } });
    }
    for (const stream of STREAMS) await this.#server.post('/api/streams', stream);
    const order = { what: 'prepare', devices, epoch: 'b'.padStart(20, '0'), span: this.#span } as const;
    await this.#flood.ask(order satisfies FloodOrder);
  }

  /** Latencies with nothing else to do. */
  async #normal(): Promise<Float64Array> {
    const begin = { what: 'begin', port: this.#server.mqttPort, epoch: 'a'.padStart(20, '0'), ...LIVE } as const;
    await this.#live.ask(begin satisfies LiveOrder);
    await setTimeout(WARM_UP_MS);
    await this.#cut('warming up');
    await setTimeout(this.#scale.normalMs);
    const normal = await this.#cut('alone');
    await this.#server.loopDelayP99Ms();
    return normal;
  }

  async #cut(when: string): Promise<Float64Array> {
    const stretch = await this.#live.ask<LiveStretch>({ what: 'cut' } satisfies LiveOrder);
    this.#judgeLive(stretch);
    const of = [...stretch.latenciesMs];
    const [p50, p99] = [quantile(of, 0.5).toFixed(1), quantile(of, 0.99).toFixed(1)];
    this.#log(`live ${when}: ${of.length} messages, p50 ${p50} ms, p99 ${p99} ms`);
    return stretch.latenciesMs;
  }

  #judge({ acked, expected, closed, seconds }: FloodResult): void {
    this.#log(`backlog: ${acked} messages in ${seconds.toFixed(1)} s`);
    if (acked !== expected) this.#faults.push(`${acked} of ${expected} messages of the backlog were acknowledged`);
    if (closed > 0) this.#faults.push(`${closed} connections were lost while they sent their backlog`);
  }

  #judgeLive({ unacknowledged, closed }: LiveStretch): void {
    if (unacknowledged > 0) this.#faults.push(`${unacknowledged} live messages were not acknowledged`);
    if (closed > 0) this.#faults.push(`${closed} live connections were lost`);
  }

  /** @returns seconds until about every record is in its windows; live ones, which keep coming, count with them */
  async #countedInWindows(): Promise<number> {
    const startedAt = performance.now();
    const sent = this.#scale.devices * this.#scale.records;
    await this.#eachStream(({ tally }) => tally.windowed + tally.filtered >= sent);
    return (performance.now() - startedAt) / MS_PER_SECOND;
  }

  async #eachStream(isThere: (status: StreamStatus) => boolean): Promise<void> {
    for (const { name } of STREAMS) {
      const status = (): Promise<StreamStatus> => this.#server.get(`/api/streams/${name}/status`);
      while (!isThere(await status())) await setTimeout(LOOK_MS);
    }
  }

  async #checkWindows(): Promise<{ readonly wrong: number; readonly expected: number }> {
    const oracle = new WindowOracle(this.#scale.devices, this.#span);
    const [byDevice, bySite] = [oracle.byDevice(), oracle.bySite()];
    await this.#see(BY_DEVICE, byDevice);
    await this.#see(BY_SITE, bySite);
    const wrong = byDevice.wrong + bySite.wrong;
    const expected = byDevice.expected + bySite.expected;
    if (wrong > 0) this.#faults.push(`${wrong} of ${expected} windows are wrong or missing`);
    if (bySite.others > 0) this.#faults.push(`${bySite.others} windows of sites where nothing was measured`);
    return { wrong, expected };
  }

  async #see(stream: string, check: WindowCheck): Promise<void> {
    const response = await fetch(`${this.#server.httpUrl}/api/streams/${stream}/windows?state=all&format=ndjson`);
    if (!response.ok || response.body === null) throw new Error(`windows of ${stream}: ${response.status}`);
    const body = Readable.fromWeb(response.body);
    for await (const line of createInterface({ input: body, crlfDelay: Infinity })) {
      check.see(JSON.parse(line) as WindowResult);
    }
  }
}

export const bench: Bench = {
  name: 'backlog',
  about: 'a week of backlog of a whole fleet at once, beside devices that were never away',
  run: (options) => new BacklogRun(options).run(),
};
