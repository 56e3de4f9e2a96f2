/** The server's whole configuration: defaults, then the file, then SHOAL_… variables, then flags; all faults at once, frozen. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { configSchema, DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT, type ServerConfig } from './config-schema.ts';
import { FleetError, type FieldFault } from './errors.ts';

/** Two servers on one machine differ in their HTTP ports; who chose one is not refused for the other. */
export const grpcPort = ({ grpc, http }: Pick<ServerConfig, 'grpc' | 'http'>): number =>
  grpc.port ?? (http.port === DEFAULT_HTTP_PORT ? DEFAULT_GRPC_PORT : 0);

/** Where files of the data directory lie. */
export const dataPath = (config: Pick<ServerConfig, 'dataDir'>, file: string): string =>
  join(resolve(config.dataDir), file);

interface ConfigSources {
  /** Path of a JSON file. */
  readonly file: string | undefined;
  /** `SHOAL_DATA_DIR`, `SHOAL_LOG_LEVEL`, `SHOAL_MQTT_PORT` …: section and field in upper snake case. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<{ dataDir?: string; mqttPort?: string; httpPort?: string }>;
}

/**
 * @throws FleetError CONFIG_INVALID with every fault and its path
 */
export const loadConfig = (sources: ConfigSources): ServerConfig => {
  const input = merge(merge(readFile(sources.file), fromEnvironment(sources.environment)), fromFlags(sources.flags));
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => ({
      path: issue.path.join('.') || '(root)',
      message: issue.message,
    }));
    throw invalid(faults);
  }
  return deepFreeze(parsed.data);
};

const invalid = (faults: readonly FieldFault[], cause?: unknown): FleetError =>
  new FleetError(
    'CONFIG_INVALID',
    `Configuration refused: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}.`,
    { faults, cause },
  );

type Section = Record<string, unknown>;

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const readFile = (file: string | undefined): Section => {
  if (file === undefined) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isSection(value)) return value;
  } catch (cause) {
    throw invalid([{ path: file, message: cause instanceof Error ? cause.message : String(cause) }], cause);
  }
  throw invalid([{ path: file, message: 'the file must hold one JSON object' }]);
};

const upperSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** Only names that belong to a field are read; SHOAL_ variables of other programs are left alone. */
const fromEnvironment = (environment: ConfigSources['environment']): Section =>
  present(
    Object.entries(configSchema.shape).map(([name, schema]) => {
      const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
      const variable = `SHOAL_${upperSnake(name)}`;
      if (!(inner instanceof z.ZodObject)) return [name, environment[variable]];
      const fields = Object.keys(inner.shape).map((field) => [field, environment[`${variable}_${upperSnake(field)}`]]);
      const section = present(fields as [string, unknown][]);
      return [name, Object.keys(section).length === 0 ? undefined : section];
    }),
  );

const present = (entries: [string, unknown][]): Section =>
  Object.fromEntries(entries.filter(([, value]) => value !== undefined));

const fromFlags = (flags: ConfigSources['flags']): Section => ({
  ...present([['dataDir', flags.dataDir]]),
  ...(flags.mqttPort === undefined ? {} : { mqtt: { port: flags.mqttPort } }),
  ...(flags.httpPort === undefined ? {} : { http: { port: flags.httpPort } }),
});

const merge = (below: Section, above: Section): Section => {
  const merged: Section = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const current = merged[key];
    merged[key] = isSection(value) && isSection(current) ? merge(current, value) : value;
  }
  return merged;
};

const deepFreeze = <T extends object>(value: T): T => {
  for (const inner of Object.values(value) as unknown[]) if (isSection(inner)) deepFreeze(inner);
  return Object.freeze(value);
};
