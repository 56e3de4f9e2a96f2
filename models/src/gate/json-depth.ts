/** How deep a JSON text nests, found without parsing it: parsers and walkers of hostile files recurse. */

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Brackets and braces open at once, at most; those inside of strings do not count. Text that is no JSON gets some number. */
export const jsonDepth = (utf8: Uint8Array): number => {
  let [depth, deepest, inString] = [0, 0, false];
  for (let i = 0; i < utf8.length; i += 1) {
    const byte = utf8[i] ?? 0;
    if (inString && byte === BACKSLASH) i += 1;
    else if (byte === QUOTE) inString = !inString;
    else if (!inString && OPENING.has(byte)) deepest = Math.max(deepest, (depth += 1));
    else if (!inString && CLOSING.has(byte)) depth -= 1;
  }
  return deepest;
};
