/** Every topic of the contract as one table: address, parameters, what is on it, who sends it. */
import type { z } from 'zod';
import { blobReplySchema, blobRequestSchema } from './blob-message.ts';
import { COMMAND_NAMES, commandOutcomeSchema, commandSchema } from './command.ts';
import { homeAssistantConfigSchema, homeAssistantStateSchema } from './home-assistant.ts';
import { birthReplySchema, birthSchema, willSchema } from './presence.ts';
import { inferResponseSchema } from './inference/v2-schemas.ts';
import { batchSchemas } from './records/batch.ts';
import {
  contextReplySchema,
  contextRequestSchema,
  inferCancelReplySchema,
  inferCancelRequestSchema,
  inferMessageSchema,
  replySchema,
  timeReplySchema,
  timeRequestSchema,
  twinGetRequestSchema,
} from './request.ts';
import { alertSchema } from './rest/alerts.ts';
import { fleetSummarySchema } from './rest/overview.ts';
import { predictionTicketSchema } from './rest/predictions.ts';
import { rolloutSchema } from './rest/rollouts.ts';
import { windowResultSchema } from './rest/streams.ts';
import { storedEventSchema, storedPredictionSchema, storedReadingSchema } from './rest/telemetry.ts';
import { RECORD_KINDS, topics, type RecordKind, type RequestMethod } from './topics.ts';
import { desiredTwinSchema, reportedTwinSchema } from './twin.ts';

export interface MqttChannel {
  /** The builder of `topics` that makes the address. */
  readonly builder: keyof typeof topics;
  /** Topic with `{parameter}` levels. */
  readonly address: string;
  readonly summary: string;
  /** Parameter → what it stands for. */
  readonly parameters: Readonly<Record<string, { readonly description: string; readonly values?: readonly string[] }>>;
  readonly publisher: 'device' | 'server' | 'third party';
  readonly qos: 0 | 1;
  readonly retained: boolean;
  /** Message name → payload; empty when this version publishes nothing there yet. */
  readonly messages: Readonly<Record<string, z.ZodType>>;
}

const deviceId = { description: 'The device: its MQTT client id.' };
const commandId = { description: 'Chosen by the server; a repeated id is answered, not executed again.' };

const replyOf = (id: string, body: z.ZodType, example: unknown): z.ZodType =>
  replySchema.extend({ body }).meta({
    id,
    examples: [{ v: 1, requestId: 'r-00017', outcome: 'ok', body: example }],
  });

const recordChannel = (kind: RecordKind, message: string): MqttChannel => ({
  builder: 'records',
  address: topics.records('{deviceId}', kind),
  summary: `A batch of ${kind}; PUBACK means stored durably`,
  parameters: { deviceId },
  publisher: 'device',
  qos: 1,
  retained: false,
  messages: { [message]: batchSchemas[kind] },
});

const liveSchemas = { readings: storedReadingSchema, predictions: storedPredictionSchema, events: storedEventSchema };
const liveNames = { readings: 'StoredReading', predictions: 'StoredPrediction', events: 'StoredEvent' };
const liveChannel = (kind: RecordKind): MqttChannel => ({
  builder: 'live',
  address: topics.live('{deviceId}', kind),
  summary: `One record of the ${kind}, after its commit, while somebody subscribes`,
  parameters: { deviceId },
  publisher: 'server',
  qos: 0,
  retained: false,
  messages: { [liveNames[kind]]: liveSchemas[kind] },
});

const requestChannel = (method: RequestMethod, messages: MqttChannel['messages']): MqttChannel => ({
  builder: 'request',
  address: topics.request('{deviceId}', method),
  summary:
    Object.keys(messages).length > 0
      ? `Request ${method}; the answer comes on the reply topic of its request id`
      : `Request ${method}; this version answers every one with the outcome unsupported`,
  parameters: { deviceId },
  publisher: 'device',
  qos: 1,
  retained: false,
  messages,
});

const DEVICE_CHANNELS: readonly MqttChannel[] = [
  {
    builder: 'presence',
    address: topics.presence('{deviceId}'),
    summary: 'Birth after every connect; offline as last will or farewell',
    parameters: { deviceId },
    publisher: 'device',
    qos: 1,
    retained: false,
    messages: { Birth: birthSchema, Will: willSchema },
  },
  recordChannel('readings', 'ReadingBatch'),
  recordChannel('predictions', 'PredictionBatch'),
  recordChannel('events', 'EventBatch'),
  {
    builder: 'reportedTwin',
    address: topics.reportedTwin('{deviceId}'),
    summary: 'Reported state, with the desired version that is applied',
    parameters: { deviceId },
    publisher: 'device',
    qos: 1,
    retained: false,
    messages: { ReportedTwin: reportedTwinSchema },
  },
  requestChannel('time', { TimeRequest: timeRequestSchema }),
  requestChannel('context', { ContextRequest: contextRequestSchema }),
  requestChannel('twin.get', { TwinGetRequest: twinGetRequestSchema }),
  requestChannel('infer', { InferMessage: inferMessageSchema }),
  requestChannel('infer.cancel', { InferCancelRequest: inferCancelRequestSchema }),
  requestChannel('blob', { BlobRequest: blobRequestSchema }),
  requestChannel('enrol.renew', {}),
  {
    builder: 'commandOutcome',
    address: topics.commandOutcome('{deviceId}', '{commandId}'),
    summary: 'First `acknowledged`, then one final state',
    parameters: { deviceId, commandId },
    publisher: 'device',
    qos: 1,
    retained: false,
    messages: { CommandOutcome: commandOutcomeSchema },
  },
];

const SERVER_CHANNELS: readonly MqttChannel[] = [
  {
    builder: 'reply',
    address: topics.reply('{deviceId}', '{requestId}'),
    summary: 'The answer to a request; to a birth, with its connection id as request id',
    parameters: { deviceId, requestId: { description: 'Chosen by the device.' } },
    publisher: 'server',
    qos: 1,
    retained: false,
    messages: {
      Reply: replySchema,
      BirthReplyMessage: replyOf('BirthReplyMessage', birthReplySchema, {
        v: 1,
        epoch: '9f86d081884c7d659a2f',
        highestSequence: 412,
        serverTime: 1760000000456,
      }),
      TimeReplyMessage: replyOf('TimeReplyMessage', timeReplySchema, {
        deviceTime: 1760000000123,
        receivedAt: 1760000000140,
        sentAt: 1760000000141,
      }),
      ContextReplyMessage: replyOf('ContextReplyMessage', contextReplySchema, {
        values: { site: 'north' },
        missing: ['shift'],
        asOf: 1760000000123,
        maxAgeMs: 60000,
      }),
      BlobReply: blobReplySchema,
      InferResponse: inferResponseSchema,
      InferCancelReplyMessage: replyOf('InferCancelReplyMessage', inferCancelReplySchema, { canceled: true }),
      TwinGetReplyMessage: replyOf('TwinGetReplyMessage', desiredTwinSchema, { v: 1, version: 0, desired: {} }),
    },
  },
  {
    builder: 'desiredTwin',
    address: topics.desiredTwin('{deviceId}'),
    summary: 'The whole desired state; sent again on every subscription from the server’s own tables',
    parameters: { deviceId },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { DesiredTwin: desiredTwinSchema },
  },
  {
    builder: 'command',
    address: topics.command('{deviceId}', '{name}', '{commandId}'),
    summary: 'A command to one device, with an expiry by the server’s clock',
    parameters: { deviceId, name: { description: 'What to do.', values: COMMAND_NAMES }, commandId },
    publisher: 'server',
    qos: 1,
    retained: false,
    messages: { Command: commandSchema },
  },
  ...RECORD_KINDS.map(liveChannel),
  {
    builder: 'window',
    address: topics.window('{stream}', '{key}'),
    summary:
      'Windows of a stream that publishes on MQTT, when they are final and when late data revised them; the newest is retained',
    parameters: { stream: { description: 'Name of the stream.' }, key: { description: 'What the window is about.' } },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { WindowResult: windowResultSchema },
  },
  {
    builder: 'prediction',
    address: topics.prediction('{model}', '{predictionId}'),
    summary:
      'Tickets of asynchronous predictions when they are final, and when one is queued again; what came while nobody listened is in the list of tickets',
    parameters: {
      model: { description: 'Name of the model.' },
      predictionId: { description: 'The ticket.' },
    },
    publisher: 'server',
    qos: 1,
    retained: false,
    messages: { PredictionTicket: predictionTicketSchema },
  },
  {
    builder: 'alert',
    address: topics.alert('{alertId}'),
    summary: 'An alert when it fires and whenever it changes until it is resolved, with a revision; retained',
    parameters: { alertId: { description: 'The alert.' } },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { Alert: alertSchema },
  },
  {
    builder: 'rollout',
    address: topics.rollout('{rolloutId}'),
    summary: 'A rollout whenever its state, its stage or its counts changed, with a revision; retained',
    parameters: { rolloutId: { description: 'The rollout.' } },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { Rollout: rolloutSchema },
  },
  {
    builder: 'fleetSummary',
    address: topics.fleetSummary(),
    summary: 'The fleet at a glance',
    parameters: {},
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { FleetSummary: fleetSummarySchema },
  },
];

/** By the discovery of Home Assistant, for devices that carry the label `home-assistant`. */
const HOME_ASSISTANT_CHANNELS: readonly MqttChannel[] = [
  {
    builder: 'homeAssistantConfig',
    address: topics.homeAssistantConfig('{deviceId}'),
    summary: 'Device discovery of Home Assistant; empty when the device is not shown there any more',
    parameters: { deviceId },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { HomeAssistantConfig: homeAssistantConfigSchema },
  },
  {
    builder: 'homeAssistantState',
    address: topics.homeAssistantState('{deviceId}'),
    summary: 'Whether the device is connected and an alert fires for it, for its entities in Home Assistant',
    parameters: { deviceId },
    publisher: 'server',
    qos: 1,
    retained: true,
    messages: { HomeAssistantState: homeAssistantStateSchema },
  },
  {
    builder: 'homeAssistantStatus',
    address: topics.homeAssistantStatus(),
    summary: 'The text `online` or `offline`: birth and last will of Home Assistant; nobody else hears of it',
    parameters: {},
    publisher: 'third party',
    qos: 1,
    retained: false,
    messages: {},
  },
];

/** Device to server first, then server to device, then what third parties subscribe to. */
export const MQTT_CHANNELS: readonly MqttChannel[] = [
  ...DEVICE_CHANNELS,
  ...SERVER_CHANNELS,
  ...HOME_ASSISTANT_CHANNELS,
];
