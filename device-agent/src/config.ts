/** The agent's configuration: one schema with defaults, units and descriptions; a file, then the environment; all faults at once. */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { ENGINE_KINDS, engineKindSchema } from '@shoal/models';
import { deviceIdSchema } from '@shoal/protocol/wire';
import { z } from 'zod';
import { AgentError } from './errors.ts';
import { fallbackSchema } from './fallback-config.ts';
import { chainFaults } from './model-chains.ts';
import { localActionSchema, ruleListSchema, ruleFaults } from './rules-config.ts';
import { attachedSensorSchemas, expectationSchema, sensorName } from './sensing-config.ts';
import { LABEL_COLUMNS } from './sensors/recording.ts';
import { updatesSchema } from './updates-config.ts';

const ms = (min: number, max: number, preset: number, description: string) =>
  z.int().min(min).max(max).default(preset).describe(`${description} [ms]`);
const count = (min: number, max: number, preset: number, description: string) =>
  z.int().min(min).max(max).default(preset).describe(description);
const silence = z.int().min(100).max(86_400_000).nullable();

const replaySchema = z.strictObject({
  type: z.literal('replay'),
  name: sensorName,
  expect: expectationSchema,
  file: z.string().min(1).describe('CSV with a header line and a time column'),
  timeColumn: z.string().min(1).optional().describe('by default datetime, timestamp, time, ts or date'),
  ignoreColumns: z
    .array(z.string())
    .default([...LABEL_COLUMNS])
    .describe('columns that are no channels'),
  speed: z.number().positive().max(1e9).default(1).describe('multiple of the recorded speed'),
  timeMapping: z.enum(['recorded', 'shifted']).default('shifted'),
  silenceMs: silence.default(null).describe('null: may be quiet for any time [ms]'),
});

const syntheticSchema = z.strictObject({
  type: z.literal('synthetic'),
  name: sensorName,
  expect: expectationSchema,
  rateHz: z.number().positive().max(1_000).default(1),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  channels: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64),
        mean: z.number().default(0),
        amplitude: z.number().min(0).default(1),
        periodS: z.number().positive().default(60),
        noise: z.number().min(0).default(0.1).describe('standard deviation'),
      }),
    )
    .min(1)
    .max(64),
  silenceMs: silence.default(10_000),
});

const jsonLinesSchema = z.strictObject({
  type: z.literal('json-lines'),
  name: sensorName,
  expect: expectationSchema,
  command: z.string().min(1).optional().describe('a program that prints JSON lines; without it standard input is read'),
  args: z.array(z.string()).default([]),
  maxLineBytes: count(64, 1_048_576, 16_384, 'longer lines are skipped and counted [bytes]'),
  silenceMs: silence.default(10_000),
});

const sensorSchema = z.discriminatedUnion('type', [
  replaySchema,
  syntheticSchema,
  jsonLinesSchema,
  ...attachedSensorSchemas,
]);

/** A sensor, or `model:` and what another model is called. */
const streamName = z.string().regex(/^(model:)?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

const modelSchema = z.strictObject({
  bundle: z.string().min(1).describe('a folder (with a slash), or a name of the catalogue'),
  version: z.string().optional().describe('of a catalogue model; the last by default'),
  name: sensorName
    .optional()
    .describe('what other models and rules call it; by default the name of a catalogue bundle, a folder has none'),
  source: z
    .union([streamName, z.array(streamName).min(1).max(16)])
    .optional()
    .describe(
      'the sensor it looks at, or "model:NAME", or several of them joined by event time; the first sensor by default',
    ),
  joinWaitMs: ms(0, 86_400_000, 5_000, 'event time that several sources wait for the slowest of them'),
  allowedLatenessMs: ms(0, 1e12, 0, 'event time a window stays open for late samples'),
  maxQueuedWindows: count(1, 10_000, 64, 'windows that may wait for inference'),
  maxWindowSamples: count(64, 1_000_000, 100_000, 'samples held for open windows'),
  calibrationSamples: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('samples a model learns its normal from, where its bundle has it do so; by default as the bundle says'),
});

const perClass = z.strictObject({
  alarm: count(1, 10_000_000, 100_000, 'records'),
  prediction: count(1, 10_000_000, 500_000, 'records'),
  reading: count(1, 10_000_000, 1_000_000, 'records'),
  debug: count(1, 10_000_000, 50_000, 'records'),
});

/** A section that may be left out: every field has a default. */
const whole = <T extends z.ZodObject>(schema: T) => schema.prefault({} as z.input<T>);

export const agentConfigSchema = z
  .strictObject({
    deviceId: deviceIdSchema,
    dataDir: z.string().min(1).describe('folder for the outbox and small state files'),
    hardwareClass: z.string().min(1).max(64).default(`${process.platform}-${process.arch}`),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    fleet: whole(
      z.strictObject({
        host: z.string().min(1).default('127.0.0.1'),
        port: z.int().min(1).max(65_535).default(1883),
        keepaliveSeconds: z.int().min(1).max(3_600).default(30),
        connectTimeoutMs: ms(100, 120_000, 10_000, 'to connect and be accepted'),
        replyTimeoutMs: ms(100, 120_000, 10_000, 'for replies to the birth and to requests'),
        reconnectFirstMs: ms(1, 60_000, 1_000, 'bound of the first pause'),
        reconnectMaxMs: ms(10, 3_600_000, 120_000, 'bound of every pause'),
        timeSyncMs: ms(1_000, 86_400_000, 600_000, 'between measurements of the clock offset'),
        twinReportMs: ms(50, 3_600_000, 15_000, 'between looks for changes to report'),
      }),
    ),
    sensors: z.array(sensorSchema).max(64).default([]),
    models: z.array(modelSchema).max(16).default([]),
    localActions: z.record(sensorName, localActionSchema).default({}).describe('what rules may do, by name'),
    rules: ruleListSchema.default({}).describe('rule name to rule; they work without network'),
    inference: whole(
      z.strictObject({
        deadlineMs: ms(10, 600_000, 10_000, 'for one window'),
        engines: z
          .array(engineKindSchema)
          .min(1)
          .default([...ENGINE_KINDS]),
        hardLimitMs: z
          .int()
          .min(50)
          .max(600_000)
          .optional()
          .describe('a model that runs longer is killed with its engine [ms]'),
        trustedKeys: z
          .record(z.string(), z.string())
          .default({})
          .describe('key id to PEM file of those who may sign bundles'),
        requireSignature: z.boolean().default(false).describe('refuse bundles from folders that are not signed'),
      }),
    ),
    fallback: whole(fallbackSchema),
    updates: whole(updatesSchema),
    outbox: whole(
      z.strictObject({
        commitWindowMs: ms(
          0,
          60_000,
          10_000,
          'what a power cut may cost, and how old a reading is when it is sent; alarms never wait',
        ),
        maxBytes: count(4_096, 1e12, 67_108_864, 'of record content [bytes]'),
        maxAgeMs: ms(1_000, 31_536_000_000, 2_592_000_000, 'older records are given up'),
        maxRecords: whole(perClass),
        memoryRecords: count(10, 1_000_000, 20_000, 'held in memory while the disk refuses'),
        memoryBytes: count(4_096, 1e9, 8_388_608, 'held in memory while the disk refuses [bytes]'),
        retryMs: ms(10, 600_000, 5_000, 'before a refused commit is tried again'),
        reportLossesMs: ms(10, 3_600_000, 60_000, 'losses within this time are one event'),
      }),
    ),
    publish: whole(
      z.strictObject({
        everyNthReading: count(1, 100_000, 1, 'send every n-th reading; predictions and events are always sent'),
        maxDelayMs: ms(0, 60_000, 0, 'a committed live record waits this long for others; alarms never'),
        maxInFlight: count(1, 1_000, 64, 'messages sent and not acknowledged'),
        batchRecords: count(1, 1_000, 200, 'records in one message'),
        batchBytes: count(1_024, 1_048_576, 131_072, 'of record content in one message, before compression [bytes]'),
        backlogRecordsPerSecond: count(1, 20_000, 10_000, 'pace of what waited, beside live records'),
        maxLiveAgeMs: ms(100, 3_600_000, 30_000, 'live records that waited longer join the backlog'),
        ackTimeoutMs: ms(
          100,
          600_000,
          30_000,
          'without an acknowledgement of the oldest message for longer the connection ends',
        ),
      }),
    ),
    contextRefreshMs: ms(1_000, 86_400_000, 3_600_000, 'between requests for context'),
    localApi: z
      .strictObject({
        host: z.enum(['127.0.0.1', '::1', 'localhost']).default('127.0.0.1'),
        port: z.int().min(0).max(65_535).default(8790),
        socket: z.string().min(1).max(100).nullable().default(null).describe('socket file for this user alone'),
        maxBodyBytes: count(1_024, 67_108_864, 8_388_608, 'of one request [bytes]'),
        requestTimeoutMs: ms(100, 600_000, 30_000, 'for a request to come whole'),
        modelFolder: z
          .string()
          .min(1)
          .nullable()
          .default(null)
          .describe('bundles that /v2/repository may load, each in a folder of its name; null: none may be loaded'),
        maxLoadedModels: count(1, 256, 16, 'models loaded through /v2/repository at a time'),
      })
      .nullable()
      .prefault({})
      .describe('null: none; port 0: any free one'),
    watchLoop: z
      .boolean()
      .default(false)
      .describe('measure how late the event loop is; wakes the process 200 times a second'),
    stopDrainMs: ms(0, 600_000, 5_000, 'a graceful stop sends what is left for this long at most'),
  })
  .refine(({ sensors }) => new Set(sensors.map(({ name }) => name)).size === sensors.length, {
    path: ['sensors'],
    message: 'sensor names must be distinct',
  })
  .refine(
    ({ sensors }) =>
      sensors.filter((sensor) => sensor.type === 'json-lines' && sensor.command === undefined).length <= 1,
    {
      path: ['sensors'],
      message: 'only one sensor can read standard input',
    },
  )
  .superRefine((config, context) => {
    for (const { path, message } of [...chainFaults(config), ...ruleFaults(config)]) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

export type AgentConfig = z.infer<typeof agentConfigSchema>;
export type AgentConfigInput = z.input<typeof agentConfigSchema>;
export type SensorConfig = z.infer<typeof sensorSchema>;

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
};

/** Frozen. Throws CONFIG_INVALID with every fault and its path. */
export const parseAgentConfig = (input: unknown): AgentConfig => {
  const parsed = agentConfigSchema.safeParse(input);
  if (parsed.success) return freeze(parsed.data);
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(root)'}: ${message}`);
  throw new AgentError('CONFIG_INVALID', `The configuration has ${faults.length} fault(s): ${faults.join('; ')}`, {
    cause: parsed.error,
  });
};

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment may override; empty variables count as unset. */
const overlay = (file: Record<string, unknown>, environment: Environment): Record<string, unknown> => {
  const { SHOAL_DEVICE_ID, SHOAL_DATA_DIR, SHOAL_LOG_LEVEL, SHOAL_FLEET_HOST, SHOAL_FLEET_PORT } = environment;
  const fleet = typeof file['fleet'] === 'object' ? file['fleet'] : {};
  return {
    ...file,
    ...(SHOAL_DEVICE_ID && { deviceId: SHOAL_DEVICE_ID }),
    ...(SHOAL_DATA_DIR && { dataDir: SHOAL_DATA_DIR }),
    ...(SHOAL_LOG_LEVEL && { logLevel: SHOAL_LOG_LEVEL }),
    fleet: {
      ...fleet,
      ...(SHOAL_FLEET_HOST && { host: SHOAL_FLEET_HOST }),
      ...(SHOAL_FLEET_PORT && { port: Number(SHOAL_FLEET_PORT) }),
    },
  };
};

/** A file, overridden by the environment; relative paths stay relative to where the agent is started. Throws CONFIG_UNREADABLE, CONFIG_INVALID. */
export const loadAgentConfig = async (path: string, environment: Environment): Promise<AgentConfig> => {
  let file: unknown;
  try {
    file = JSON.parse(await readFile(isAbsolute(path) ? path : join(process.cwd(), path), 'utf8'));
  } catch (cause) {
    throw new AgentError('CONFIG_UNREADABLE', `Cannot read ${path} as JSON; check --config.`, { cause });
  }
  const isObject = typeof file === 'object' && file !== null && !Array.isArray(file);
  return parseAgentConfig(isObject ? overlay(file as Record<string, unknown>, environment) : file);
};
