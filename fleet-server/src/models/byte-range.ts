/** One range of bytes out of a request (RFC 9110 14.1.2, 14.2, 13.1.5). */
import type { ByteRange } from '@shoal/models/trust';

export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeAnswer = { kind: 'whole' };
const RANGE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/** What is malformed, in other units or more than one range is answered whole; so is a range of other content than is here. */
export const rangeOf = (
  { range, ifRange }: { readonly range: string | undefined; readonly ifRange: string | undefined },
  etag: string,
  lengthBytes: number,
): RangeAnswer => {
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return WHOLE;
  const match = RANGE.exec(range.replaceAll(' ', ''));
  if (match === null) return WHOLE;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const start = Math.max(0, lengthBytes - Number(suffix));
    return Number(suffix) === 0 || lengthBytes === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', range: { start, end: lengthBytes } };
  }
  const start = Number(first);
  const end = last === undefined || last === '' ? lengthBytes : Math.min(Number(last) + 1, lengthBytes);
  if (last !== undefined && last !== '' && Number(last) < start) return WHOLE;
  return start >= lengthBytes ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } };
};
