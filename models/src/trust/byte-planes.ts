/** XOR of two runs of bytes, and bytes of one significance gathered into planes and scattered again. */

/** XORs `other` into `bytes` as far as it reaches; what lies beyond stays as it is. Returns `bytes`. */
export const xorInto = (bytes: Uint8Array, other: Uint8Array): Uint8Array => {
  const length = Math.min(bytes.byteLength, other.byteLength);
  for (let index = 0; index < length; index++) bytes[index] = (bytes[index] ?? 0) ^ (other[index] ?? 0);
  return bytes;
};

/** All bytes at offset 0 of each word, then all at offset 1, …; a last incomplete word stays at the end as it is. */
export const gatherPlanes = (bytes: Uint8Array, wordBytes: number): Uint8Array => {
  if (wordBytes === 1) return bytes;
  const words = Math.floor(bytes.byteLength / wordBytes);
  const planes = Uint8Array.from(bytes);
  let next = 0;
  for (let plane = 0; plane < wordBytes; plane++)
    for (let word = 0; word < words; word++) planes[next++] = bytes[word * wordBytes + plane] ?? 0;
  return planes;
};

/** The inverse of `gatherPlanes`. */
export const scatterPlanes = (planes: Uint8Array, wordBytes: number): Uint8Array => {
  if (wordBytes === 1) return planes;
  const words = Math.floor(planes.byteLength / wordBytes);
  const bytes = Uint8Array.from(planes);
  let next = 0;
  for (let plane = 0; plane < wordBytes; plane++)
    for (let word = 0; word < words; word++) bytes[word * wordBytes + plane] = planes[next++] ?? 0;
  return bytes;
};
