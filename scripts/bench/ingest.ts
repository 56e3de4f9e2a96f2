/** How much durability costs: the server beside a broker that stores nothing, and beside the bare database. */
import type { ReceivedRanges } from '@shoal/protocol';
import {
  interleave,
  median,
  medianRatio,
  quantile,
  type Bench,
  type BenchOptions,
  type BenchResult,
} from './harness.ts';
import type { InsertOrder } from './load/bare-insert-loop.ts';
import { BenchChild } from './load/child.ts';
import type { LoadOrder, LoadResult } from './load/publish-load.ts';
import { benchDeviceId } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';

const DEVICES = 50;
const WINDOW = 20;
const PACED_PER_SECOND = 5_000;

interface Scale {
  readonly rounds: number;
  readonly singles: number;
  readonly batches: number;
}
const FULL: Scale = { rounds: 5, singles: 4_000, batches: 40 };
const QUICK: Scale = { rounds: 3, singles: 1_000, batches: 10 };
const RECORDS_PER_BATCH = 200;

/** One bench run: its processes, what it measured, what was wrong. */
class IngestRun {
  readonly #server = new ServerUnderTest();
  readonly #faults: string[] = [];
  readonly #ackMs: number[] = [];
  readonly #loopMs: number[] = [];
  readonly #scale: Scale;
  readonly #log: BenchOptions['log'];
  #epochs = 0;

  constructor({ quick, log }: BenchOptions) {
    this.#scale = quick ? QUICK : FULL;
    this.#log = log;
  }

  async run(): Promise<BenchResult> {
    const { rounds } = this.#scale;
    await this.#server.start();
    const parser = new BenchChild('parse-only-broker');
    const sink = new BenchChild('ack-sink');
    try {
      const { port: parserPort } = await parser.ask<{ port: number }>({});
      const { port: sinkPort } = await sink.ask<{ port: number }>({});
      const singles = (port: number) => this.#singles(port);
      await singles(parserPort);
      await this.#shoalSingles();
      const ceiling = await singles(sinkPort);
      this.#log(`generator ceiling: ${Math.round(ceiling).toLocaleString('en')} messages/s`);
      this.#ackMs.length = 0;
      this.#loopMs.length = 0;
      const single = await interleave(
        rounds,
        { shoal: () => this.#shoalSingles(), parseOnly: () => singles(parserPort) },
        this.#log,
      );
      const ack = [...this.#ackMs];
      await this.#shoalBatches();
      const batch = await interleave(
        rounds,
        {
          shoal: () => this.#shoalBatches(),
          bare: () => this.#bareInserts(),
          parseOnly: () => this.#batches(parserPort),
        },
        this.#log,
      );
      const paced = await this.#paced();
      return {
        figures: {
          durable_ratio: medianRatio(single.shoal, single.parseOnly),
          sqlite_ratio: medianRatio(batch.shoal, batch.bare),
          acked_per_s: median(single.shoal),
          records_per_s: median(batch.shoal),
          ack_p50_ms: quantile(ack, 0.5),
          ack_p99_ms: quantile(ack, 0.99),
          loop_p99_ms: median(this.#loopMs),
          generator_ceiling_per_s: ceiling,
          parse_only_per_s: median(single.parseOnly),
          bare_sqlite_rows_per_s: median(batch.bare),
          parse_only_records_per_s: median(batch.parseOnly),
          paced_per_s: PACED_PER_SECOND,
          paced_ack_p50_ms: quantile(paced, 0.5),
          paced_ack_p99_ms: quantile(paced, 0.99),
        },
        faults: this.#faults,
      };
    } finally {
      await parser.end();
      await sink.end();
      await this.#server.stop();
    }
  }

  async #shoalSingles(): Promise<number> {
    const order = this.#order({ messagesPerDevice: this.#scale.singles, recordsPerMessage: 1 });
    const result = await this.#againstServer(order);
    for (const latency of result.latenciesMs) this.#ackMs.push(latency);
    return result.acked / result.seconds;
  }

  async #shoalBatches(): Promise<number> {
    const order = this.#order({ messagesPerDevice: this.#scale.batches, recordsPerMessage: RECORDS_PER_BATCH });
    const result = await this.#againstServer(order);
    return (result.acked * RECORDS_PER_BATCH) / result.seconds;
  }

  async #paced(): Promise<readonly number[]> {
    const messagesPerDevice = Math.ceil(this.#scale.singles / 4);
    const order = this.#order({ messagesPerDevice, recordsPerMessage: 1, pacePerSecond: PACED_PER_SECOND });
    return [...(await this.#againstServer(order)).latenciesMs];
  }

  async #singles(port: number): Promise<number> {
    const result = await load({
      ...this.#order({ messagesPerDevice: this.#scale.singles, recordsPerMessage: 1 }),
      port,
    });
    return result.acked / result.seconds;
  }

  async #batches(port: number): Promise<number> {
    const part = { messagesPerDevice: this.#scale.batches, recordsPerMessage: RECORDS_PER_BATCH };
    const result = await load({ ...this.#order(part), port });
    return (result.acked * RECORDS_PER_BATCH) / result.seconds;
  }

  async #bareInserts(): Promise<number> {
    const { epoch, devices } = this.#order({ messagesPerDevice: 0, recordsPerMessage: 0 });
    const order: InsertOrder = {
      dataDir: undefined,
      devices,
      epoch,
      messagesPerDevice: this.#scale.batches,
      recordsPerMessage: RECORDS_PER_BATCH,
    };
    const child = new BenchChild('bare-insert-loop');
    const { rowsPerSecond } = await child.ask<{ rowsPerSecond: number }>(order);
    await child.end();
    return rowsPerSecond;
  }

  async #againstServer(order: LoadOrder): Promise<LoadResult> {
    await this.#server.loopDelayP99Ms();
    const result = await load(order);
    this.#loopMs.push(await this.#server.loopDelayP99Ms());
    await this.#verify(order, result);
    return result;
  }

  /** Everything acknowledged is stored, once, and nothing else is. */
  async #verify(order: LoadOrder, result: LoadResult): Promise<void> {
    const expected = order.messagesPerDevice * order.recordsPerMessage;
    if (result.acked !== order.devices * order.messagesPerDevice) {
      this.#faults.push(`${result.acked} of ${order.devices * order.messagesPerDevice} publishes were acknowledged`);
    }
    for (let index = 0; index < order.devices; index += 1) {
      const ranges = await this.#server.get<ReceivedRanges>(`/api/devices/${benchDeviceId(index)}/ranges`);
      const held = ranges.epochs.find(({ epoch }) => epoch === order.epoch)?.count ?? 0;
      if (held !== expected) this.#faults.push(`${benchDeviceId(index)}: ${expected} acknowledged, ${held} stored`);
    }
  }

  #order(part: Pick<LoadOrder, 'messagesPerDevice' | 'recordsPerMessage'> & { pacePerSecond?: number }): LoadOrder {
    this.#epochs += 1;
    const epoch = this.#epochs.toString(16).padStart(20, '0');
    return { port: this.#server.mqttPort, devices: DEVICES, epoch, window: WINDOW, pacePerSecond: 0, ...part };
  }
}

/** A generator of its own for every round: no garbage of the round before slows it. */
const load = async (order: LoadOrder): Promise<LoadResult> => {
  const child = new BenchChild('publish-load');
  const result = await child.ask<LoadResult>(order);
  await child.end();
  return result;
};

export const bench: Bench = {
  name: 'ingest',
  about: 'acknowledged and stored messages, beside the same broker without storage and the bare database',
  run: (options) => new IngestRun(options).run(),
};
