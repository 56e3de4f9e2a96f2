/** Everything that is wrong with a bundle folder at once, without any engine: for whoever has to say it to a person. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkInputs, checkOutputs } from '../engine/check-tensors.ts';
import { isModelError, ModelError, type ModelErrorCode } from '../errors.ts';
import { gateRulesOf } from '../gate/gate-rules.ts';
import { passGate } from '../gate/static-gate.ts';
import { checkTfjsModel } from '../gate/tfjs-gate.ts';
import { goldenSchema, type Golden } from './golden.ts';
import type { BundleManifest } from './manifest.ts';
import { checkBundleFile, readContent, readManifest } from './read-bundle.ts';
import { referenceSchema } from './reference-sketch.ts';
import { bundleSignatureSchema } from './signature.ts';
import { tensorFromStored } from './stored-tensor.ts';

export interface BundleFault {
  readonly code: ModelErrorCode;
  /** File of the bundle, or path within the manifest. */
  readonly path: string;
  readonly message: string;
}

export interface BundleReport {
  /** Null when it cannot be read at all. */
  readonly manifest: BundleManifest | null;
  readonly faults: readonly BundleFault[];
  /** Key id that `signature.json` claims, not verified; null without one. */
  readonly signedBy: string | null;
}

/** Of golden tensors; a bundle is no way to send gigabytes of JSON. */
const MAX_CASE_BYTES = 16_777_216;

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const issuesOf = (cause: unknown): readonly Issue[] =>
  typeof cause === 'object' && cause !== null && 'issues' in cause && Array.isArray(cause.issues)
    ? (cause.issues as Issue[])
    : [];

/** One fault for each issue of a schema, else one for the error. What is no `ModelError` is thrown on. */
const faultsOf = (error: unknown, path: string): BundleFault[] => {
  if (!isModelError(error)) throw error;
  const { code, cause, message } = error;
  const issues = issuesOf(cause);
  if (issues.length === 0) return [{ code, path, message }];
  return issues.map((issue) => ({ code, path: [path, ...issue.path.map(String)].join('#'), message: issue.message }));
};

const attempt = async (path: string, check: () => unknown): Promise<BundleFault[]> => {
  try {
    await check();
    return [];
  } catch (error) {
    return faultsOf(error, path);
  }
};

const tensorsOf = (stored: Golden['cases'][number]['inputs']) =>
  Object.fromEntries(Object.entries(stored).map(([name, tensor]) => [name, tensorFromStored(tensor)]));

const checkGolden = async (folder: string, path: string, manifest: BundleManifest): Promise<BundleFault[]> => {
  const { cases } = await readContent(join(folder, path), goldenSchema);
  const faults: BundleFault[] = [];
  for (const { name, inputs, outputs } of cases) {
    const at = `${path}#${name}`;
    faults.push(
      ...(await attempt(at, () => checkInputs(tensorsOf(inputs), manifest.signature, MAX_CASE_BYTES))),
      ...(await attempt(at, () => checkOutputs(tensorsOf(outputs), manifest.signature))),
    );
  }
  return faults;
};

const checkModel = async (folder: string, path: string, manifest: BundleManifest): Promise<void> => {
  const bytes = await readFile(join(folder, path));
  if (manifest.platform === 'onnx') {
    passGate(bytes, gateRulesOf(manifest));
    return;
  }
  const weights = manifest.files.filter(({ role }) => role === 'weights');
  checkTfjsModel(manifest, bytes, new Map(weights.map((file) => [file.path, file.lengthBytes])));
};

const checkRole = async (folder: string, manifest: BundleManifest, { path, role }: BundleManifest['files'][number]) => {
  if (role === 'model') return attempt(path, () => checkModel(folder, path, manifest));
  if (role === 'reference') return attempt(path, () => readContent(join(folder, path), referenceSchema));
  if (role !== 'golden') return [];
  try {
    return await checkGolden(folder, path, manifest);
  } catch (error) {
    return faultsOf(error, path);
  }
};

const claimedSigner = async (folder: string): Promise<string | null> => {
  const content = await readFile(join(folder, 'signature.json'), 'utf8').catch(() => null);
  if (content === null) return null;
  try {
    return bundleSignatureSchema.parse(JSON.parse(content)).keyId;
  } catch (cause) {
    throw new ModelError('BUNDLE_SIGNATURE_INVALID', 'signature.json is malformed', { cause });
  }
};

/**
 * Manifest, files, golden vectors, reference and the static gate; what a file that is not what the manifest says holds is
 * not looked at. Reads whole files: for a process whose memory and time are bounded. Throws only what is no `ModelError`.
 */
export const checkBundle = async (folder: string): Promise<BundleReport> => {
  let manifest: BundleManifest;
  try {
    manifest = await readManifest(folder);
  } catch (error) {
    return { manifest: null, faults: faultsOf(error, 'manifest.json'), signedBy: null };
  }
  const faults: BundleFault[] = [];
  for (const file of manifest.files) {
    const damaged = await attempt(file.path, () => checkBundleFile(folder, file));
    faults.push(...(damaged.length > 0 ? damaged : await checkRole(folder, manifest, file)));
  }
  let signedBy: string | null = null;
  faults.push(
    ...(await attempt('signature.json', async () => {
      signedBy = await claimedSigner(folder);
    })),
  );
  return { manifest, faults, signedBy };
};
