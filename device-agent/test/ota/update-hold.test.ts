import { describe, expect, it } from '@jest/globals';
import { HoldBook, type HoldFile } from '../../src/ota/update-hold.ts';
import { codeOf } from '../fixtures/conditions.ts';

const HOUR = 3_600_000;

/** A machine whose clocks and disk are the test's. */
class Machine {
  now = 1_760_000_000_000;
  monotonic = 0;
  file: HoldFile | undefined;
  isFull = false;

  async started(maxMs = 24 * HOUR): Promise<HoldBook> {
    const book = new HoldBook({
      file: {
        read: async () => this.file,
        write: async (value) => {
          if (this.isFull) throw new Error('no space');
          this.file = value;
        },
      },
      clock: { now: () => this.now, monotonic: () => this.monotonic },
      maxMs,
    });
    await book.start();
    return book;
  }

  pass(ms: number): void {
    this.now += ms;
    this.monotonic += ms;
  }
}

describe('a hold of updates', () => {
  it('lasts as long as was asked for, an hour without a word, and never longer than there is', async () => {
    const machine = new Machine();
    const book = await machine.started();
    expect(book.current()).toBeNull();
    await book.set({ forMs: 2 * HOUR, reason: ' a measurement runs ' });
    machine.pass(2 * HOUR - 1);
    expect(book.current()).toMatchObject({ reason: 'a measurement runs' });
    machine.pass(1);
    expect(book.current()).toBeNull();
    expect((await book.set({})).until).toBe(machine.now + HOUR);
    expect((await (await machine.started(60_000)).set({})).until).toBe(machine.now + 60_000);
    expect(await codeOf(book.set({ forMs: 24 * HOUR + 1 }))).toBe('UPDATE_HOLD_INVALID');
  });

  it('is there after a restart, for what is left of it', async () => {
    const machine = new Machine();
    await (await machine.started()).set({ forMs: HOUR });
    machine.pass(HOUR / 2);
    const book = await machine.started();
    expect(book.current()).not.toBeNull();
    machine.pass(HOUR / 2);
    expect(book.current()).toBeNull();
    expect((await machine.started()).current()).toBeNull();
  });

  it('ends also where the clock is set back, in a process and over a restart', async () => {
    const machine = new Machine();
    const book = await machine.started();
    await book.set({ forMs: HOUR });
    machine.now = 0;
    machine.pass(HOUR);
    expect(book.current()).toBeNull();
    machine.now = 0;
    const again = await machine.started();
    expect(again.current()).not.toBeNull();
    machine.pass(HOUR);
    expect(again.current()).toBeNull();
  });

  it('changes nothing where it is wrong or cannot be written', async () => {
    const machine = new Machine();
    const book = await machine.started();
    const hold = await book.set({ forMs: HOUR, reason: 'first' });
    for (const wrong of [null, 7, { forMs: 0 }, { forMs: 1.5e3 + 0.5 }, { reason: 'x'.repeat(201) }, { until: 9 }])
      expect([wrong, await codeOf(book.set(wrong))]).toEqual([wrong, 'UPDATE_HOLD_INVALID']);
    machine.isFull = true;
    await expect(book.set({ forMs: 5_000 })).rejects.toThrow('no space');
    await expect(book.release()).rejects.toThrow('no space');
    expect(book.current()).toEqual(hold);
    machine.isFull = false;
    expect([await book.release(), await book.release(), book.current()]).toEqual([true, false, null]);
    expect((await machine.started()).current()).toBeNull();
  });
});
