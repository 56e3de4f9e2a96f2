/** The part of the configuration that says which sensors there are and what they are expected to give. */
import { z } from 'zod';

export const sensorName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const silence = z.int().min(100).max(86_400_000).nullable();
const channelName = z.string().min(1).max(64);
const rateHz = z.number().positive().max(1_000);

const channelExpectation = z
  .strictObject({
    unit: z.string().min(1).max(32).optional().describe('of the values, for people'),
    min: z.number().optional().describe('values below are marked out-of-range'),
    max: z.number().optional().describe('values above are marked out-of-range'),
    stuckAfterMs: z
      .int()
      .min(1)
      .max(31_536_000_000)
      .optional()
      .describe('for a channel that always varies: the same value for longer is marked stuck; by default never [ms]'),
    passOutOfRange: z
      .boolean()
      .default(false)
      .describe('models and rules are given values that are out of range too; by default they see none'),
  })
  .refine(({ min, max }) => min === undefined || max === undefined || min < max, 'min must lie under max');

/** What a sensor is expected to give; what departs from it is marked, counted and told. */
export const expectationSchema = z
  .strictObject({
    rateHz: rateHz.optional().describe('samples a second; by default what a polled sensor is polled with'),
    rateTolerance: z.number().min(0.01).max(1).default(0.2).describe('share by which the rate may differ'),
    gapPeriods: z.number().min(1.5).max(10_000).default(3).describe('samples further apart than this many periods'),
    channels: z.record(channelName, channelExpectation).default({}),
  })
  .prefault({});

/** What every sensor has. */
const named = { name: sensorName, expect: expectationSchema };
const polled = { ...named, rateHz: rateHz.default(1), silenceMs: silence.default(10_000) };

const device = z
  .string()
  .min(1)
  .max(128)
  .describe('name of the device, as its name file has it, or its folder such as hwmon0 or iio:device0');
const onlyChannels = z.array(channelName).min(1).max(64).optional().describe('by default all that the device has');

const iioSchema = z.strictObject({
  type: z.literal('iio'),
  ...polled,
  device,
  channels: onlyChannels,
  root: z.string().min(1).default('/sys/bus/iio/devices'),
});

const hwmonSchema = z.strictObject({
  type: z.literal('hwmon'),
  ...polled,
  device,
  channels: onlyChannels,
  root: z.string().min(1).default('/sys/class/hwmon'),
});

const systemSchema = z.strictObject({
  type: z.literal('system'),
  ...polled,
  disk: z.string().min(1).default('/').describe('a folder of the file system whose free space is told'),
  root: z.string().min(1).default('/').describe('folder in which proc and sys lie'),
});

const lineFormat = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('json') }),
    z.strictObject({ kind: z.literal('key-value') }),
    z.strictObject({
      kind: z.literal('csv'),
      columns: z.array(channelName).min(1).max(64).describe('in their order; an empty name skips a column'),
      delimiter: z.string().length(1).default(','),
    }),
  ])
  .default({ kind: 'json' });

const serialSchema = z.strictObject({
  type: z.literal('serial'),
  ...named,
  path: z.string().min(1).describe('such as /dev/ttyUSB0, or better its name in /dev/serial/by-id'),
  baudRate: z.int().min(50).max(4_000_000).default(115_200),
  dataBits: z.literal([5, 6, 7, 8]).default(8),
  stopBits: z.literal([1, 1.5, 2]).default(1),
  parity: z.enum(['none', 'even', 'odd', 'mark', 'space']).default('none'),
  flowControl: z.enum(['none', 'hardware', 'software']).default('none'),
  format: lineFormat,
  maxLineBytes: z.int().min(64).max(1_048_576).default(16_384),
  silenceMs: silence.default(10_000),
});

/** A broker on this machine; decision 12 keeps everything without credentials on loopback. */
export const localBrokerSchema = z
  .strictObject({
    host: z.enum(['127.0.0.1', '::1', 'localhost']).default('127.0.0.1'),
    port: z.int().min(1).max(65_535).default(1883),
    keepaliveSeconds: z.int().min(1).max(3_600).default(30),
    connectTimeoutMs: z.int().min(100).max(120_000).default(10_000),
  })
  .prefault({});

/** [MQTT-4.7.1-2] and [MQTT-4.7.1-3]: where `#` and `+` may stand. */
const isTopicFilter = (filter: string): boolean =>
  filter
    .split('/')
    .every((level, index, levels) =>
      level.includes('#')
        ? level === '#' && index === levels.length - 1
        : level === '+' || !(level.includes('+') || level.includes('\0')),
    );

const mqttTopicSchema = z.strictObject({
  type: z.literal('mqtt-topic'),
  ...named,
  broker: localBrokerSchema,
  topic: z.string().min(1).max(1_024).refine(isTopicFilter, 'is no topic filter of MQTT').describe('topic or filter'),
  qos: z.literal([0, 1]).default(1),
  channel: channelName.optional().describe('of payloads that are a plain number; without it they are JSON objects'),
  maxPayloadBytes: z.int().min(16).max(1_048_576).default(16_384),
  silenceMs: silence.default(10_000),
});

/** The sensors of hardware and of programs nearby, beside those that need neither. */
export const attachedSensorSchemas = [iioSchema, hwmonSchema, systemSchema, serialSchema, mqttTopicSchema] as const;
