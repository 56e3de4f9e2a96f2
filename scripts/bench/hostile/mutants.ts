/** Byte mutants of model files: a few bytes changed, cut, moved or doubled. */

const OTHER_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xff] as const;

const below = (random: () => number, bound: number): number => Math.floor(random() * bound);

type Mutation = (bytes: Buffer, random: () => number) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const at = below(random, bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
    return bytes;
  },
  (bytes, random) => {
    bytes[below(random, bytes.length)] = OTHER_BYTES[below(random, OTHER_BYTES.length)] ?? 0;
    return bytes;
  },
  (bytes, random) => {
    bytes[below(random, bytes.length)] = below(random, 256);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  (bytes, random) => {
    const at = below(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 8))]);
  },
  (bytes, random) => {
    const [from, to] = [below(random, bytes.length), below(random, bytes.length)];
    const part = bytes.subarray(from, from + 1 + below(random, 64));
    return Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)]);
  },
];

/** One to four changes; most change single bytes, so that many mutants stay well-formed. */
export const mutate = (original: Uint8Array, random: () => number): Buffer => {
  let bytes = Buffer.from(original);
  for (let left = 1 + below(random, 4); left > 0 && bytes.length > 0; left -= 1) {
    const kinds = random() < 0.8 ? 3 : MUTATIONS.length;
    bytes = Buffer.from(MUTATIONS[below(random, kinds)]?.(bytes, random) ?? bytes);
  }
  return bytes;
};
