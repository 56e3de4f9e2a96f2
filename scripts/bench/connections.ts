/** How many light devices one server process holds, what a connection costs, and whether the event loop stays free. */
import type { ReceivedRanges } from '@shoal/protocol';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';
import type { LightOrder, LightReport } from './load/light-load.ts';
import { benchDeviceId } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';

const FULL = { devices: 5_000, seconds: 60 };
const QUICK = { devices: 1_000, seconds: 20 };
/** What comes with the first devices (code, tables, threads) is no cost of a connection. */
const WARM_UP_DEVICES = 50;
const EPOCH = 'c'.repeat(20);
const RANGES_AT_ONCE = 20;

const run = async ({ quick, log }: BenchOptions): Promise<BenchResult> => {
  const { devices, seconds } = quick ? QUICK : FULL;
  const server = new ServerUnderTest();
  const warmUp = new BenchChild('light-load');
  const load = new BenchChild('light-load');
  const ask = (child: BenchChild, order: LightOrder): Promise<LightReport> => child.ask<LightReport>(order);
  try {
    await server.start();
    const port = server.mqttPort;
    await ask(warmUp, { what: 'connect', port, devices: WARM_UP_DEVICES, epoch: 'd'.repeat(20) });
    await ask(warmUp, { what: 'finish' });
    await warmUp.end();
    const emptyKb = server.residentKb();
    const startedAt = performance.now();
    const { connected } = await ask(load, { what: 'connect', port, devices, epoch: EPOCH });
    const connectSeconds = (performance.now() - startedAt) / 1_000;
    log(`${connected} devices connected and born in ${connectSeconds.toFixed(1)} s`);
    const stormLoopMs = await server.loopDelayP99Ms();
    await ask(load, { what: 'hold', seconds });
    const loopMs = await server.loopDelayP99Ms();
    const perConnectionKb = (server.residentKb() - emptyKb) / connected;
    const connections = await server.metric('shoal_connections');
    const report = await ask(load, { what: 'finish' });
    const stored = await storedPerDevice(server, devices);
    const faults = faultsOf(report, stored, { devices, connections });
    const acked = report.acked.reduce((sum, count) => sum + count, 0);
    return {
      figures: {
        devices: connections,
        lost: report.acked.reduce((sum, count, index) => sum + Math.max(0, count - (stored[index] ?? 0)), 0),
        loop_p99_ms: loopMs,
        kb_per_connection: perConnectionKb,
        messages_acked: acked,
        seconds,
        connect_seconds: connectSeconds,
        loop_p99_ms_while_connecting: stormLoopMs,
      },
      faults,
    };
  } finally {
    await warmUp.end();
    await load.end();
    await server.stop();
  }
};

const storedPerDevice = async (server: ServerUnderTest, devices: number): Promise<number[]> => {
  const stored: number[] = [];
  for (let first = 0; first < devices; first += RANGES_AT_ONCE) {
    const group = Array.from({ length: Math.min(RANGES_AT_ONCE, devices - first) }, (_, n) => benchDeviceId(first + n));
    const ranges = await Promise.all(group.map((id) => server.get<ReceivedRanges>(`/api/devices/${id}/ranges`)));
    for (const { epochs } of ranges) stored.push(epochs.find(({ epoch }) => epoch === EPOCH)?.count ?? 0);
  }
  return stored;
};

const faultsOf = (
  report: LightReport,
  stored: readonly number[],
  expected: { readonly devices: number; readonly connections: number },
): string[] => {
  const faults: string[] = [];
  if (report.connected !== expected.devices)
    faults.push(`${report.connected} of ${expected.devices} devices connected`);
  if (expected.connections !== expected.devices) faults.push(`the server counts ${expected.connections} connections`);
  if (report.closed > 0) faults.push(`${report.closed} connections were closed`);
  if (report.unacknowledged > 0) faults.push(`${report.unacknowledged} messages were not acknowledged`);
  const wrong = report.acked.filter((count, index) => count !== stored[index]).length;
  if (wrong > 0) faults.push(`${wrong} devices have another number of records stored than acknowledged`);
  if (report.acked.some((count) => count === 0)) faults.push('some devices sent nothing');
  return faults;
};

export const bench: Bench = {
  name: 'connections',
  about: 'light devices connected to one server process, one message each ten seconds',
  run,
};
