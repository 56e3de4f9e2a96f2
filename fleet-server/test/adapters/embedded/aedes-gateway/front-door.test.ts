/** Who is let in when, with real sockets' streams and real timers. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { FrontDoor } from '../../../../src/adapters/embedded/aedes-gateway/front-door.ts';

class House {
  readonly inside: Socket[] = [];
  waiting = 0;
  hasTraffic: boolean;
  readonly door = new FrontDoor({
    enter: (socket) => this.inside.push(socket),
    hasTraffic: () => this.hasTraffic,
    told: (waiting) => {
      this.waiting = waiting;
    },
  });

  constructor(hasTraffic: boolean) {
    this.hasTraffic = hasTraffic;
  }

  async until(inside: number): Promise<void> {
    while (this.inside.length < inside) await setTimeout(1);
  }
}

const sockets = (count: number): Socket[] =>
  Array.from({ length: count }, () => new Duplex({ read: () => undefined }) as Socket);

test('without traffic everybody enters at once', () => {
  const house = new House(false);
  for (const socket of sockets(100)) house.door.knock(socket);
  expect(house.inside).toHaveLength(100);
  expect(house.waiting).toBe(0);
});

test('beside traffic they enter one after the other, in the order in which they knocked', async () => {
  const house = new House(true);
  const knocking = sockets(5);
  for (const socket of knocking) house.door.knock(socket);
  expect(house.inside).toHaveLength(1);
  expect(house.waiting).toBe(4);
  await house.until(5);
  expect(house.inside).toEqual(knocking);
  expect(house.waiting).toBe(0);
});

test('once the traffic is over all who wait enter together', async () => {
  const house = new House(true);
  for (const socket of sockets(50)) house.door.knock(socket);
  house.hasTraffic = false;
  await house.until(2);
  expect(house.inside).toHaveLength(50);
});

test('who gives up while it waits is forgotten, also when it ends with an error', async () => {
  const house = new House(true);
  const [first, second, third] = sockets(3) as [Socket, Socket, Socket];
  for (const socket of [first, second, third]) house.door.knock(socket);
  second.destroy(new Error('reset by peer'));
  await house.until(2);
  expect(house.inside).toEqual([first, third]);
});

test('when it closes, who waits is sent away and nobody enters any more', async () => {
  const house = new House(true);
  const [, waiting] = sockets(2).map((socket) => {
    house.door.knock(socket);
    return socket;
  });
  house.door.close();
  expect(waiting?.destroyed).toBe(true);
  await setTimeout(20);
  expect(house.inside).toHaveLength(1);
});
