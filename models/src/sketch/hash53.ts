/** A fast hash of a text or number into 53 well-mixed bits (two 32-bit lanes with the finalizer of MurmurHash3). */

const [SEED_A, SEED_B] = [0xdeadbeef, 0x41c6ce57];
const [MIX_A, MIX_B] = [0x9e3779b1, 0x5f356495];
const [FINAL_A, FINAL_B] = [0x85ebca6b, 0xc2b2ae35];
const HIGH_BITS = 0x1fffff;

const finalize = (value: number, other: number): number => {
  const mixed = Math.imul(value ^ (value >>> 16), FINAL_A) ^ Math.imul(other ^ (other >>> 13), FINAL_B);
  return mixed ^ (mixed >>> 15);
};

/** An integer from 0 to 2^53 - 1; the same on every machine and for ever, since states that are stored hold it. */
export const hash53 = (text: string): number => {
  let [a, b] = [SEED_A, SEED_B];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, MIX_A);
    b = Math.imul(b ^ code, MIX_B);
    a = (a << 13) | (a >>> 19);
    b = (b << 17) | (b >>> 15);
  }
  const high = finalize(a, b);
  const low = finalize(b, high);
  return (high & HIGH_BITS) * 2 ** 32 + (low >>> 0);
};
