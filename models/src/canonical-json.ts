/** Canonical JSON (RFC 8785, JCS): the one byte sequence that is hashed and signed. */

const fault = (value: unknown): never => {
  throw new TypeError(`Canonical JSON has no form for ${typeof value} ${String(value)}`);
};

/**
 * Keys sorted by UTF-16 code units, no spaces, numbers as ECMAScript prints them (RFC 8785 3.2.2.3, 3.2.3).
 * Keys with an undefined value are left out, as in `JSON.stringify`. Throws TypeError for a number that is not finite
 * and for anything that is not JSON.
 */
export const canonicalJson = (value: unknown): string => {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : fault(value);
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object') return fault(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
};
