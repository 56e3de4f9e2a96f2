/** Ways in which a power cut treats what was written and not synced. */
import type { Change } from './growing-file.ts';

export interface Loss {
  readonly name: string;
  /** Of `count` name changes in their order, how many the disk has. */
  namesKept(count: number): number;
  /** The changes, or pieces of them, that the disk has. */
  surviving(pending: readonly Change[]): Change[];
}

const SECTOR_BYTES = 512;

/** Everything that was not synced is gone. */
export const everything: Loss = { name: 'everything', namesKept: () => 0, surviving: () => [] };

/** The disk wrote in order and stopped somewhere, in the middle of a write. */
export const afterAPrefix = (random: () => number): Loss => ({
  name: 'after a prefix',
  namesKept: (count) => Math.floor(random() * (count + 1)),
  surviving: (pending) => {
    const whole = Math.floor(random() * (pending.length + 1));
    const torn = pending[whole];
    const kept = pending.slice(0, whole);
    if (torn === undefined || torn.kind === 'resize') return kept;
    const sectors = sectorsOf(torn);
    return [...kept, ...sectors.slice(0, Math.floor(random() * sectors.length))];
  },
});

/** The disk wrote in any order: each sector on its own is there or not. */
export const randomSectors = (random: () => number): Loss => ({
  name: 'random sectors',
  namesKept: (count) => Math.floor(random() * (count + 1)),
  surviving: (pending) => {
    const share = random();
    return pending
      .flatMap((change) => (change.kind === 'resize' ? [change] : sectorsOf(change)))
      .filter(() => random() < share);
  },
});

/** Cuts a write where the disk's sectors begin. */
const sectorsOf = ({ offset, data }: Extract<Change, { kind: 'write' }>): Change[] => {
  const pieces: Change[] = [];
  for (let from = 0; from < data.length;) {
    const to = Math.min(data.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
    pieces.push({ kind: 'write', offset: offset + from, data: data.subarray(from, to) });
    from = to;
  }
  return pieces;
};
