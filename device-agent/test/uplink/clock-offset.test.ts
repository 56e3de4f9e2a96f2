import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/runtime.ts';
import { ClockOffset } from '../../src/uplink/clock-offset.ts';
import type { FleetConnection } from '../../src/uplink/fleet-link.port.ts';
import { eventually } from '../fixtures/conditions.ts';

/** Device and server time as a test sets them; every exchange takes `roundTripMs`. */
const world = (deviceNow: number, serverAheadMs: number) => {
  const time = { device: deviceNow, monotonic: 1_000, serverAheadMs, roundTripMs: 10 };
  const clock = { now: () => time.device, monotonic: () => time.monotonic };
  const pass = (ms: number): void => {
    time.device += ms;
    time.monotonic += ms;
  };
  const request = async (_method: string, body: object): Promise<unknown> => {
    pass(time.roundTripMs / 2);
    const at = time.device + time.serverAheadMs;
    pass(time.roundTripMs / 2);
    return { ...body, receivedAt: at, sentAt: at };
  };
  const connection = { request } as unknown as FleetConnection;
  const offset = new ClockOffset({ clock, logger: silentLogger(), requestTimeoutMs: 1_000, intervalMs: 1e9 });
  const measure = async (): Promise<void> => {
    offset.online(connection);
    await eventually(() => offset.offsetMs() !== null);
    offset.offline();
  };
  return { time, offset, pass, measure };
};

const NOW = 1_790_000_000_000;

describe('the clock offset', () => {
  it('is server time minus device time', async () => {
    const { offset, measure } = world(NOW, 2_500);
    expect(offset.offsetMs()).toBeNull();
    await measure();
    expect(offset.offsetMs()).toBe(2_500);
    expect(offset.state()).toEqual({ state: 'synchronised', offsetMs: 2_500 });
    expect(offset.trustedNow()).not.toBeNull();
  });

  it('calls a clock that was never set unsynchronised, before and after it is measured', async () => {
    const { offset, measure, time } = world(5_000_000, NOW);
    expect(offset.state()).toEqual({ state: 'unsynchronised' });
    await measure();
    expect(offset.state()).toEqual({ state: 'unsynchronised', offsetMs: NOW });
    expect(offset.trustedNow()).toBeNull();
    expect(offset.serverNow()).toBe(time.device + NOW);
  });

  it('follows a step of the device clock at once, without a new measurement', async () => {
    const { offset, measure, time, pass } = world(NOW, 0);
    await measure();
    pass(60_000);
    expect(offset.offsetMs()).toBe(0);
    time.device += 3_600_000;
    expect(offset.offsetMs()).toBe(-3_600_000);
    expect(offset.trustedNow()).toBeNull();
  });

  it('trusts no clock it has not measured: nothing is given up for its age', () => {
    expect(world(NOW, 0).offset.trustedNow()).toBeNull();
  });
});
