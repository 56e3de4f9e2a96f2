/** What the configuration of the server may say, with its defaults. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';

export const DEFAULT_HTTP_PORT = 8_080;
export const DEFAULT_GRPC_PORT = 8_081;

const port = z.coerce.number().int().min(0).max(65_535);
const loopback = z
  .string()
  .refine((host) => host === 'localhost' || host === '::1' || host.startsWith('127.'), {
    message: 'only loopback addresses are allowed until devices and people have credentials',
  })
  .default('127.0.0.1');
const durationMs = (fallback: number, description: string) =>
  z.coerce.number().int().min(1).default(fallback).describe(description);
const amount = (fallback: number, description: string) =>
  z.coerce.number().int().min(1).default(fallback).describe(description);

const mqttSchema = z.strictObject({
  host: loopback.describe('address the MQTT listener binds to'),
  port: port.default(1883).describe('TCP port for devices; 0 takes any free one'),
  connectTimeoutMs: durationMs(10_000, 'a socket that has not sent CONNECT by then is closed'),
  drainTimeoutMs: durationMs(10_000, 'a client that reads nothing for so long is closed'),
  maxConnections: amount(16_000, 'sockets open at once; more are refused at accept'),
  inboundBudgetBytes: amount(67_108_864, 'bytes of publishes awaiting their commit; above it sockets are not read'),
});

const httpSchema = z.strictObject({
  host: loopback.describe('address the HTTP listener binds to'),
  port: port.default(DEFAULT_HTTP_PORT).describe('TCP port of the API; 0 takes any free one'),
  bodyLimitBytes: amount(1_048_576, 'largest request body'),
  requestTimeoutMs: durationMs(30_000, 'a request that has not arrived whole by then is answered 408 and closed'),
});

const storageSchema = z.strictObject({
  retentionDays: amount(7, 'whole receipt days of raw records kept'),
  retentionCheckMs: durationMs(3_600_000, 'time between two looks for expired days'),
  deadLetterRows: amount(100_000, 'newest dead letters kept'),
  probeMs: durationMs(1_000, 'time between two attempts to write while storage refuses'),
  checkedAtOpenBytes: amount(
    134_217_728,
    'telemetry files up to this size are checked whole before the start, larger ones beside the running server',
  ),
  maxPages: amount(4_294_967_294, 'upper bound of the telemetry file in pages of 4 kB; appends are refused above it'),
});

const featuresSchema = z.strictObject({
  historyDays: amount(
    30,
    'days that panes and values of windows are kept, and how late a record or a window may come to enter; pushed values are kept for ever',
  ),
  shippedViews: z
    .enum(['define', 'leave'])
    .default('define')
    .describe('whether the views that come with Shoal are defined'),
  cachedBytes: amount(67_108_864, 'stored states of entities held in memory'),
  checkedAtOpenBytes: amount(
    134_217_728,
    'feature files up to this size are checked whole before the start, larger ones beside the running server',
  ),
  auditEvery: amount(1_000, 'one of so many served vectors is derived again from the history'),
  auditMs: durationMs(60_000, 'time between two audits of served vectors'),
  consumerIdleMs: durationMs(250, 'longest time between a commit of telemetry and its effect on windows when idle'),
});

const streamsSchema = z.strictObject({
  idleMs: durationMs(250, 'longest time between a commit of telemetry and its effect on windows when idle'),
  trimMs: durationMs(600_000, 'time between two looks for windows past their retention'),
});

const names = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').filter((name) => name !== '') : value),
  z.array(z.string().min(1)).default([]),
);

const deliverySchema = z.strictObject({
  allowedHosts: names.describe(
    'hosts (name or address, with :port for one port only) that webhooks may reach by http and at private addresses',
  ),
  secretsDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder of the secrets that sign webhooks, one file each; webhook-secrets in the data directory by default',
    ),
  attemptTimeoutMs: durationMs(10_000, 'longest time of one attempt'),
  firstRetryMs: durationMs(5_000, 'pause after the first failed attempt; it doubles with every further one'),
  longestRetryMs: durationMs(3_600_000, 'longest pause between two attempts'),
  giveUpMs: durationMs(86_400_000, 'a delivery that was tried for so long has failed'),
  concurrency: amount(32, 'attempts at once'),
  perDestination: amount(4, 'attempts at once to one host'),
  maxPending: amount(100_000, 'deliveries that wait; more are refused to whoever hands them over, who keeps them'),
  bodyBytes: amount(131_072, 'largest body; a larger one is recorded as failed'),
  keepDays: amount(30, 'days that finished deliveries are kept'),
});

const smtpSchema = z.strictObject({
  host: z.string().min(1).optional().describe('mail server; without it deliveries by e-mail fail'),
  port: port.default(587).describe('TCP port of the mail server'),
  security: z
    .enum(['starttls', 'tls', 'none'])
    .default('starttls')
    .describe('starttls: refused when the server does not offer it'),
  username: z.string().min(1).optional().describe('absent: no authentication'),
  passwordFile: z.string().min(1).optional().describe('file that holds the password'),
  from: z.string().min(3).default('shoal@localhost').describe('sender of mails'),
});

const alertsSchema = z.strictObject({
  idleMs: durationMs(250, 'longest time between a commit of telemetry and its effect on alerts when idle'),
  maxRules: amount(500, 'rules there may be'),
  keepDays: amount(90, 'days that resolved alerts are kept'),
});

const rolloutsSchema = z.strictObject({
  turnMs: durationMs(200, 'what devices say is gathered for so long before rollouts look at it'),
  tickMs: durationMs(1_000, 'longest time between two looks at soak times, rates and timeouts'),
  lateAfterMs: durationMs(
    120_000,
    'a device of a stage that is away for so long, or was not heard since the start of the server, is late',
  ),
  perTransaction: amount(50, 'devices that one transaction assigns'),
});

const inferenceSchema = z.strictObject({
  start: z
    .enum(['eager', 'lazy'])
    .default('eager')
    .describe(
      'engines start with the server, in the background, or with the first request; until then it is not ready',
    ),
  instances: amount(
    Math.max(1, availableParallelism() - 1),
    'engine processes, each with every model; by default one less than there are cores',
  ),
  catalogue: z.enum(['load', 'leave']).default('load').describe('whether the bundles that come with Shoal are served'),
  bundleFolders: names.describe('folders of further bundles to serve; separated by commas in a variable'),
  deadlineMs: durationMs(10_000, 'longest time for an answer; a request can only shorten it'),
  maxBatchRows: amount(64, 'rows of one run of a model; 1 switches batching off'),
  maxQueuedRows: amount(64, 'rows that may wait for a model; more are refused with 429'),
  bodyLimitBytes: amount(67_108_864, 'largest request body of /v2; four of them may be on their way at a time'),
});

const modelsSchema = z.strictObject({
  catalogue: z
    .enum(['release', 'leave'])
    .default('release')
    .describe('whether the bundles that come with Shoal are released to devices'),
  keysDir: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the keys that sign what devices install; keys in the data directory by default'),
  checkTimeoutMs: durationMs(5_000, 'longest time for looking into a bundle that was pushed'),
});

const predictionsSchema = z.strictObject({
  batchRows: amount(128, 'asynchronous predictions in work at a time; as many may be computed again after a kill'),
  rowsOfModel: amount(
    32,
    'of these, rows of one model that its engines are given at a time; fewer of a slow model, so that callers of /v2 go first',
  ),
  leaseMs: durationMs(60_000, 'time after which a prediction in work that nobody renewed is given out again'),
  runTimeoutMs: durationMs(30_000, 'longest time for one run of a model; then it is tried again'),
  maxAttempts: amount(5, 'attempts that may fail for a reason that can pass; then the prediction fails'),
  maxOpen: amount(200_000, 'open tickets; more are refused with 429'),
  maxOpenBytes: amount(268_435_456, 'bytes of inputs of open tickets; more are refused with 429'),
  maxWaiting: amount(1_000, 'HTTP requests held until their ticket is final; more are answered at once'),
  retentionMs: durationMs(7 * 86_400_000, 'time that final tickets are kept'),
  trimMs: durationMs(60_000, 'time between two looks for tickets past their retention'),
});

const scoringSchema = z.strictObject({
  importFolder: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the files that scoring jobs may read entities from; without it they may read none'),
  niceness: z.coerce
    .number()
    .int()
    .min(0)
    .max(19)
    .default(19)
    .describe(
      'how far scoring steps back behind everything else for the processor (Linux); at 19 it runs when nobody else wants it, 0 not at all',
    ),
});

const grpcSchema = z.strictObject({
  host: loopback.describe('address the gRPC listener binds to'),
  port: port
    .optional()
    .describe(
      'TCP port of gRPC inference; 8081 by default where HTTP has its own default port, otherwise any free one',
    ),
  maxMessageBytes: amount(67_108_864, 'largest message, either way'),
});

const ddiSchema = z.strictObject({
  endpoint: z
    .enum(['off', 'on'])
    .default('off')
    .describe('whether clients of hawkBit, such as SWUpdate, may fetch system updates'),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .default('DEFAULT')
    .describe('first part of the path that clients ask for'),
  gatewayTokenFile: z
    .string()
    .min(1)
    .optional()
    .describe('file that holds the token by which any target may register; without it only targets with own tokens'),
  pollSeconds: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_399)
    .default(300)
    .describe('time between two polls that clients are told'),
  actionTimeoutMs: durationMs(3_600_000, 'an action that was begun and not heard of for so long is timed out'),
  maxTargets: amount(1_000, 'targets there may be; no more can register'),
  maxImages: amount(100, 'images there may be'),
  maxImageBytes: amount(2_147_483_648, 'largest image'),
});

const simulationSchema = z.strictObject({
  clockSpeed: z.coerce
    .number()
    .positive()
    .max(100_000)
    .default(1)
    .describe(
      'how much faster than it is the time of day passes: only to show days in seconds, with devices that do the same',
    ),
  clockSetAtMs: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('instant at which the fast clock showed what it is; milliseconds'),
});

export const configSchema = z.strictObject({
  dataDir: z.string().min(1).default('shoal-data').describe('folder of the databases, made when missing'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  mqtt: mqttSchema.prefault({}),
  http: httpSchema.prefault({}),
  storage: storageSchema.prefault({}),
  features: featuresSchema.prefault({}),
  streams: streamsSchema.prefault({}),
  delivery: deliverySchema.prefault({}),
  smtp: smtpSchema.prefault({}),
  alerts: alertsSchema.prefault({}),
  models: modelsSchema.prefault({}),
  rollouts: rolloutsSchema.prefault({}),
  inference: inferenceSchema.prefault({}),
  predictions: predictionsSchema.prefault({}),
  scoring: scoringSchema.prefault({}),
  grpc: grpcSchema.prefault({}),
  ddi: ddiSchema.prefault({}),
  simulation: simulationSchema.prefault({}),
});

export type ServerConfig = z.infer<typeof configSchema>;
export type MqttConfig = ServerConfig['mqtt'];
export type StorageConfig = ServerConfig['storage'];
export type FeaturesConfig = ServerConfig['features'];
export type StreamsConfig = ServerConfig['streams'];
export type DeliveryConfig = ServerConfig['delivery'];
export type SmtpConfig = ServerConfig['smtp'];
export type AlertsConfig = ServerConfig['alerts'];
export type ModelsConfig = ServerConfig['models'];
export type RolloutsConfig = ServerConfig['rollouts'];
export type InferenceConfig = ServerConfig['inference'];
export type PredictionsConfig = ServerConfig['predictions'];
export type ScoringConfig = ServerConfig['scoring'];
export type DdiConfig = ServerConfig['ddi'];
export type GrpcConfig = ServerConfig['grpc'];
