/** Splits a byte stream into lines without ever holding more than one line of bounded length. */

/**
 * @yields Lines without their end, as text; blank ones are left out. A line over `maxBytes` is left out as well, and `onTooLong`
 * is called once for it. What follows the last line end counts as a line.
 */
export async function* boundedLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  onTooLong: () => void,
): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let tooLong = false;
  const hold = (part: Buffer): void => {
    heldBytes += part.length;
    if (heldBytes > maxBytes && !tooLong) {
      tooLong = true;
      onTooLong();
    }
    if (tooLong) held = [];
    else held.push(part);
  };
  const release = (): string => {
    const line = tooLong ? '' : Buffer.concat(held).toString('utf8').replace(/\r$/, '');
    held = [];
    heldBytes = 0;
    tooLong = false;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      const line = release();
      if (line.trim() !== '') yield line;
    }
    hold(chunk.subarray(from));
  }
  const rest = release();
  if (rest.trim() !== '') yield rest;
}
