/** What whoever signs metadata needs to know of what was signed before; signatures are a client's to judge. */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { keyObjectOf } from './signing-key.ts';
import type { RoleKeys, RootRoles } from './tuf-metadata.ts';

const keySchema = z.object({
  keytype: z.literal('ed25519'),
  scheme: z.literal('ed25519'),
  keyval: z.object({ public: z.string() }),
});
const roleSchema = z.object({ keyids: z.array(z.string()), threshold: z.int().min(1) });
const keysSchema = z.record(z.string(), keySchema);
const common = { version: z.int().min(1), expires: z.iso.datetime() };

const rootSchema = z.object({
  signed: z.object({
    _type: z.literal('root'),
    ...common,
    keys: keysSchema,
    roles: z.object({ root: roleSchema, targets: roleSchema, snapshot: roleSchema, timestamp: roleSchema }),
  }),
});
const targetsSchema = z.object({
  signed: z.object({
    _type: z.literal('targets'),
    ...common,
    delegations: z.object({
      keys: keysSchema,
      succinct_roles: roleSchema.extend({ bit_length: z.int().min(1).max(16) }),
    }),
  }),
});

export interface RootFacts {
  readonly version: number;
  readonly expiresAt: number;
  /** Public keys. */
  readonly roles: RootRoles;
}

export interface TargetsFacts {
  readonly version: number;
  readonly expiresAt: number;
  readonly bits: number;
  readonly bins: readonly KeyObject[];
}

const parsed = <T>(schema: z.ZodType<T>, bytes: Uint8Array): T =>
  schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));

const keysOf = ({ keyids }: z.infer<typeof roleSchema>, keys: z.infer<typeof keysSchema>): KeyObject[] =>
  keyids.flatMap((id) => (keys[id] === undefined ? [] : keyObjectOf(keys[id])));

/** Throws a ZodError or SyntaxError for what is no root. */
export const readRootMetadata = (bytes: Uint8Array): RootFacts => {
  const { version, expires, keys, roles } = parsed(rootSchema, bytes).signed;
  const roleOf = (role: z.infer<typeof roleSchema>): RoleKeys => ({
    keys: keysOf(role, keys),
    threshold: role.threshold,
  });
  return {
    version,
    expiresAt: Date.parse(expires),
    roles: {
      root: roleOf(roles.root),
      targets: roleOf(roles.targets),
      snapshot: roleOf(roles.snapshot),
      timestamp: roleOf(roles.timestamp),
    },
  };
};

/** Throws a ZodError or SyntaxError for what are no targets with bins. */
export const readTargetsMetadata = (bytes: Uint8Array): TargetsFacts => {
  const { version, expires, delegations } = parsed(targetsSchema, bytes).signed;
  const { keys, succinct_roles: bins } = delegations;
  return { version, expiresAt: Date.parse(expires), bits: bins.bit_length, bins: keysOf(bins, keys) };
};
