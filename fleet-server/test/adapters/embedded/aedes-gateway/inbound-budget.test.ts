/** Who may be read while publishes wait for their commit. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { InboundBudget } from '../../../../src/adapters/embedded/aedes-gateway/inbound-budget.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';

const READ_BYTES = 65_536;
const HEAVY_READ_BYTES = 8_192;
const LIMIT = 8 * READ_BYTES;

/** A stream that says when it is told to read. */
const socketOf = (name: string, told: string[]): Socket => {
  const socket = new Duplex({ read: () => undefined }) as Socket;
  socket.on('readable', () => told.push(name));
  return socket;
};

const budgetWith = (heldBytes: number): InboundBudget => {
  const budget = new InboundBudget(LIMIT, new PrometheusMetrics());
  budget.hold(heldBytes);
  return budget;
};

test('a connection that sends much is held back at a quarter, one that sends little only at the end', () => {
  const [heavy, light, newcomer] = ['heavy', 'light', 'newcomer'].map((name) => socketOf(name, []));
  const budget = budgetWith(LIMIT / 4);
  budget.weigh(heavy as Socket, true);
  budget.weigh(light as Socket, false);
  expect([heavy, light, newcomer].map((socket) => budget.mayRead(socket as Socket))).toEqual([
    0,
    READ_BYTES,
    READ_BYTES,
  ]);
  budget.hold(LIMIT);
  expect([light, newcomer].map((socket) => budget.mayRead(socket as Socket))).toEqual([0, 0]);
});

test('a connection counts as one that sends much from its birth to its first records, and then as these say', () => {
  const socket = socketOf('device', []);
  const budget = budgetWith(LIMIT / 2);
  budget.weigh(socket, undefined);
  expect(budget.mayRead(socket)).toBe(0);
  budget.weigh(socket, false);
  budget.weigh(socket, undefined);
  expect(budget.mayRead(socket)).toBe(READ_BYTES);
});

test('a connection that sends much is read a message or two at a time, and all of them hold a quarter of a megabyte at most', () => {
  const socket = socketOf('heavy', []);
  const budget = new InboundBudget(1_024 * READ_BYTES, new PrometheusMetrics());
  budget.weigh(socket, true);
  budget.hold(262_143);
  expect(budget.mayRead(socket)).toBe(HEAVY_READ_BYTES);
  budget.hold(1);
  expect(budget.mayRead(socket)).toBe(0);
});

test('who was held back is told in turn, as far as there is room, until nobody waits', async () => {
  const told: string[] = [];
  const budget = budgetWith(LIMIT / 4);
  for (const name of ['a', 'b', 'c']) {
    const socket = socketOf(name, told);
    budget.weigh(socket, true);
    budget.mayRead(socket);
  }
  budget.release(1);
  await setImmediate();
  // None of them has read, so there is room for the next.
  expect(told).toEqual(['a']);
  await setImmediate();
  await setImmediate();
  expect(told).toEqual(['a', 'b', 'c']);
});

test('one whose turn brought a part of a frame alone is told before those that wait for theirs', async () => {
  const told: string[] = [];
  const budget = budgetWith(LIMIT / 4);
  for (const [name, hadPart] of [
    ['a', false],
    ['b', true],
  ] as const) {
    const socket = socketOf(name, told);
    budget.weigh(socket, true);
    expect(budget.mayRead(socket, hadPart)).toBe(0);
  }
  budget.release(1);
  await setImmediate();
  expect(told).toEqual(['b']);
});

test('one that was told and found no room left is told again before those that wait for their turn', async () => {
  const told: string[] = [];
  const budget = budgetWith(LIMIT / 4);
  const [a, b] = [socketOf('a', told), socketOf('b', told)];
  for (const socket of [a, b]) {
    budget.weigh(socket, true);
    expect(budget.mayRead(socket)).toBe(0);
  }
  // Others read first.
  a.once('readable', () => {
    budget.hold(1);
    expect(budget.mayRead(a)).toBe(0);
  });
  budget.release(1);
  await setImmediate();
  await setImmediate();
  expect(told).toEqual(['a']);
  budget.release(1);
  await setImmediate();
  expect(told).toEqual(['a', 'a']);
  expect(budget.mayRead(a)).toBe(HEAVY_READ_BYTES);
});

test('one that sends little is told before those that wait for a quarter', async () => {
  const told: string[] = [];
  const budget = budgetWith(LIMIT);
  const [heavy, light] = [socketOf('heavy', told), socketOf('light', told)];
  budget.weigh(heavy, true);
  budget.weigh(light, false);
  expect([budget.mayRead(heavy), budget.mayRead(light)]).toEqual([0, 0]);
  budget.release(1);
  await setImmediate();
  await setImmediate();
  expect(told).toEqual(['light']);
});
