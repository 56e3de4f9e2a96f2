/** `shoal-agent diag`: one file for whoever helps: what this agent is, how it is, and what is wrong; no secrets and no measurements. */
import { writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import type { AgentConfig } from '../config.ts';
import { isAgentError, sentenceOf } from '../errors.ts';
import { AGENT_VERSION } from '../version.ts';
import { doctorReport } from './doctor.ts';
import { fetchStatus, localUrlOf } from './status.ts';

/** What may carry a secret: what keys say of themselves, and everything that is handed to a program. */
const IS_SECRET = /secret|password|passphrase|token|credential|^args$|^env$/i;

/** The configuration with what may be secret replaced; `null` stays `null`. */
export const redacted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      IS_SECRET.test(key) && inner !== null ? '(left out)' : redacted(inner),
    ]),
  );
};

/** A status has counters and names, and no measured value; only the reason stands there when no agent answers. */
const statusOrWhyNot = async (config: AgentConfig): Promise<object> => {
  try {
    return await fetchStatus(localUrlOf(config));
  } catch (error) {
    return { code: isAgentError(error) ? error.code : 'UNEXPECTED', message: sentenceOf(error) };
  }
};

export interface Bundled {
  readonly file: string;
  readonly contents: readonly string[];
}

/** @param folder where the file goes; readable by its owner alone */
export const writeDiagnostics = async (config: AgentConfig, folder: string): Promise<Bundled> => {
  const at = new Date();
  const parts = {
    versions: {
      agent: AGENT_VERSION,
      ...process.versions,
      platform: `${process.platform} ${release()} ${process.arch}`,
    },
    configuration: redacted(config),
    doctor: await doctorReport(config),
    status: await statusOrWhyNot(config),
  };
  const name = `shoal-diag-${config.deviceId}-${at.toISOString().replaceAll(/[:.]/g, '-')}.json`;
  const file = join(resolve(folder), name);
  await writeFile(file, `${JSON.stringify({ at: at.toISOString(), ...parts }, null, 2)}\n`, { mode: 0o600 });
  return { file, contents: Object.keys(parts) };
};
