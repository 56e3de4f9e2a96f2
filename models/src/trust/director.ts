/** The director's word to one device: signs an assignment, and judges one on the device (Uptane 5.4.4.2). */
import { verify, type KeyObject } from 'node:crypto';
import { assignmentSchema, signedAssignmentSchema, type Assignment, type SignedAssignment } from '@shoal/protocol/wire';
import { canonicalize } from '@tufjs/canonical-json';
import { ModelError } from '../errors.ts';
import { signCanonical } from './signing-key.ts';

/** Members that are undefined are no members; canonical JSON knows only what JSON knows. */
const plain = (assignment: Assignment): Assignment =>
  JSON.parse(JSON.stringify(assignmentSchema.parse(assignment))) as Assignment;

/** Throws a ZodError when the assignment does not match its schema: it is checked before it is signed. */
export const signAssignment = (assignment: Assignment, privateKey: KeyObject): SignedAssignment => {
  const signed = plain(assignment);
  return { signed, signatures: [signCanonical(signed, privateKey)] };
};

export interface AssignmentTerms {
  readonly deviceId: string;
  /** Counter of the newest assignment followed so far, 0 before the first. The same counter again is a redelivery. */
  readonly lastCounter: number;
  /** Milliseconds of Unix time; left out while the clock is not known, and then expiry is not judged (versions are). */
  readonly now?: number;
}

const refuseUnlessSigned = (
  envelope: SignedAssignment,
  content: string,
  keys: ReadonlyMap<string, KeyObject>,
): void => {
  const known = envelope.signatures.filter(({ keyid }) => keys.has(keyid));
  if (known.length === 0)
    throw new ModelError(
      'ASSIGNMENT_KEY_UNKNOWN',
      `The assignment is signed by ${envelope.signatures.map(({ keyid }) => keyid.slice(0, 8)).join(', ')}, none of which is a director key`,
    );
  const bytes = Buffer.from(content, 'utf8');
  const holds = known.some(({ keyid, sig }) => {
    const key = keys.get(keyid);
    return key !== undefined && verify(null, bytes, key, Buffer.from(sig, 'hex'));
  });
  if (!holds)
    throw new ModelError('ASSIGNMENT_SIGNATURE_INVALID', 'No signature of a director key is over this assignment');
};

/** The bytes that were signed are those of the value as it came: a default filled in by the schema is not among them. */
const signedContent = (envelope: unknown): string => {
  try {
    return canonicalize((envelope as { signed: unknown }).signed);
  } catch (cause) {
    throw new ModelError('ASSIGNMENT_MALFORMED', 'The assignment has a value that canonical JSON does not know', {
      cause,
    });
  }
};

/**
 * `envelope` as parsed from JSON. Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_KEY_UNKNOWN, ASSIGNMENT_SIGNATURE_INVALID,
 * ASSIGNMENT_DEVICE_MISMATCH, ASSIGNMENT_REPLAYED, ASSIGNMENT_EXPIRED, judged in this order.
 */
export const verifyAssignment = (
  envelope: unknown,
  keys: ReadonlyMap<string, KeyObject>,
  { deviceId, lastCounter, now }: AssignmentTerms,
): Assignment => {
  const parsed = signedAssignmentSchema.safeParse(envelope);
  if (!parsed.success)
    throw new ModelError('ASSIGNMENT_MALFORMED', `The assignment is malformed: ${parsed.error.message}`);
  refuseUnlessSigned(parsed.data, signedContent(envelope), keys);
  const { signed } = parsed.data;
  if (signed.deviceId !== deviceId)
    throw new ModelError('ASSIGNMENT_DEVICE_MISMATCH', `The assignment is for ${signed.deviceId}, this is ${deviceId}`);
  if (signed.counter < lastCounter)
    throw new ModelError(
      'ASSIGNMENT_REPLAYED',
      `The assignment has counter ${signed.counter}, this device already followed ${lastCounter}`,
    );
  if (now !== undefined && signed.expires <= now)
    throw new ModelError('ASSIGNMENT_EXPIRED', `The assignment expired at ${new Date(signed.expires).toISOString()}`);
  return signed;
};
