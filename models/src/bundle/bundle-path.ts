/** Which paths a bundle may name: plain relative ones that stay in its folder. */
import { z } from 'zod';

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** Segments of letters, digits, `.`, `_` and `-` that do not start with a dot: no "..", no absolute path, no NUL, no backslash. */
export const isBundlePath = (path: string): boolean =>
  path.length <= 255 && path.split('/').every((segment) => SEGMENT.test(segment) && !segment.includes('..'));

/** `manifest.json` and `signature.json` are not files of a bundle: they speak about them. */
const RESERVED = ['manifest.json', 'signature.json'];

export const bundlePathSchema = z
  .string()
  .refine(isBundlePath, 'not a plain relative path')
  .refine((path) => !RESERVED.includes(path), 'reserved name');
