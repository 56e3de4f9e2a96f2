/** Measures the nesting of JSON text without parsing it: a deep document must be refused before it costs anything. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What a byte outside strings does to the depth: +1 for `{` and `[`, -1 for `}` and `]`, 2 for a quote. */
const STEP = Int8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x7b || byte === 0x5b ? 1 : byte === 0x7d || byte === 0x5d ? -1 : byte === QUOTE ? 2 : 0,
);

/** Index of the quote that ends the string whose content starts at `from`; the length when none does. */
const endOfString = (bytes: Uint8Array, from: number): number => {
  let index = from;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
};

/** True when brackets outside strings nest deeper than `limit`. One pass, no allocation; malformed text is left to the parser. */
export const jsonDepthExceeds = (bytes: Uint8Array, limit: number): boolean => {
  let depth = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const step = STEP[bytes[index] as number] as number;
    if (step === 0) continue;
    if (step === 2) {
      index = endOfString(bytes, index + 1);
    } else {
      depth += step;
      if (depth > limit) return true;
    }
  }
  return false;
};
