/** The disk that forgets: what is safe, what may be gone, what may be torn. */
import { describe, expect, test } from '@jest/globals';
import { DiskReplay } from '../../scripts/bench/kill/trace/disk-replay.ts';
import { afterAPrefix, everything, randomSectors } from '../../scripts/bench/kill/trace/loss.ts';
import type { DiskOperation } from '../../scripts/bench/kill/trace/operations.ts';
import { SystemCallReader } from '../../scripts/bench/kill/trace/system-calls.ts';
import { seededRandom } from '../../scripts/bench/kill/seeded-random.ts';

const at = (line: number) => ({ startedAt: line, endedAt: line });
const write = (line: number, text: string, offset = 0): DiskOperation => ({
  kind: 'write',
  path: '/d/a',
  offset,
  data: Buffer.from(text),
  ...at(line),
});
const made: DiskOperation[] = [
  { kind: 'open', path: '/d/a', truncates: false, ...at(1) },
  write(2, 'safe'),
  { kind: 'sync', path: '/d/a', ...at(3) },
  { kind: 'sync', path: '/d', ...at(4) },
];
const replayOf = (...operations: DiskOperation[]): DiskReplay => {
  const replay = new DiskReplay();
  for (const operation of operations) replay.apply(operation);
  return replay;
};
const leftOf = (replay: DiskReplay): string | undefined => replay.image(everything).get('/d/a')?.toString();

describe('a disk that loses everything unsynced', () => {
  test('keeps what was synced, under a name that was synced', () => {
    expect(leftOf(replayOf(...made))).toBe('safe');
    expect(leftOf(replayOf(...made, write(5, 'gone')))).toBe('safe');
    expect(leftOf(replayOf(...made.slice(0, 3)))).toBeUndefined();
  });

  test('does not let a sync cover a write that returned after the sync began', () => {
    const late: DiskOperation = { ...write(6, 'late'), startedAt: 5, endedAt: 7 };
    const sync: DiskOperation = { kind: 'sync', path: '/d/a', startedAt: 6, endedAt: 8 };
    expect(leftOf(replayOf(...made, late, sync))).toBe('safe');
    expect(leftOf(replayOf(...made, late, sync, { kind: 'sync', path: '/d/a', ...at(9) }))).toBe('late');
  });

  test('forgets a removal and a renaming until the folder is synced', () => {
    const renamed: DiskOperation = { kind: 'rename', path: '/d/a', to: '/d/b', ...at(5) };
    const names = (replay: DiskReplay): string[] => [...replay.image(everything).keys()];
    expect(names(replayOf(...made, { kind: 'unlink', path: '/d/a', ...at(5) }))).toEqual(['/d/a']);
    expect(names(replayOf(...made, renamed))).toEqual(['/d/a']);
    expect(names(replayOf(...made, renamed, { kind: 'sync', path: '/d', ...at(6) }))).toEqual(['/d/b']);
  });
});

describe('a disk that loses some of what is unsynced', () => {
  const pending = Array.from({ length: 8 }, (_, index) => write(5 + index, String(index).repeat(1_024), index * 1_024));
  const replay = replayOf(...made, ...pending);
  const random = seededRandom('loss');
  const images = Array.from({ length: 200 }, (_, index) => {
    const loss = index % 2 === 0 ? afterAPrefix(random) : randomSectors(random);
    return replay.image(loss).get('/d/a') ?? Buffer.alloc(0);
  });

  test('tears at sectors and nowhere else', () => {
    const whole = Buffer.concat(
      pending.map((change) => (change.kind === 'write' ? Buffer.from(change.data) : Buffer.alloc(0))),
    );
    for (const image of images) {
      for (let sector = 0; sector < image.length; sector += 512) {
        const piece = image.subarray(sector, sector + 512);
        const before = Buffer.alloc(piece.length);
        if (sector === 0) before.set(Buffer.from('safe'));
        expect([before, whole.subarray(sector, sector + piece.length)].some((content) => content.equals(piece))).toBe(
          true,
        );
      }
    }
  });

  test('leaves different pieces at different times', () => {
    expect(new Set(images.map((image) => image.toString('latin1'))).size).toBeGreaterThan(50);
  });
});

describe('the order of traced calls', () => {
  test('is kept when threads interrupt each other, and a call that died has no end', () => {
    const reader = new SystemCallReader();
    const lines = [
      '11 pwrite64(3</d/a>, "\\x41", 1, 0 <unfinished ...>',
      '12 fsync(3</d/a>) = 0',
      '11 <... pwrite64 resumed>) = 1',
      '12 fsync(3</d/a> <unfinished ...>',
      '12 <... fsync resumed>) = ?',
      '11 +++ killed by SIGKILL +++',
    ];
    const calls = lines.map((line) => reader.read(line)).filter((call) => call !== undefined);
    expect(calls.map(({ name, startedAt, endedAt }) => [name, startedAt, endedAt])).toEqual([
      ['fsync', 2, 2],
      ['pwrite64', 1, 3],
      ['fsync', 4, Infinity],
    ]);
    expect(calls[1]?.text).toBe('3</d/a>, "\\x41", 1, 0');
  });
});
