/** Builds and parses every MQTT topic of the contract. Nobody else writes a topic string. */
import { BOUNDS } from './bounds.ts';
import { ProtocolError } from './errors.ts';
import { isDeviceId, isRequestId } from './identifier-patterns.ts';

export const TOPIC_ROOT = 'shoal/v1';
/** Where Home Assistant looks for devices, unless somebody changed its discovery prefix. */
export const HOME_ASSISTANT_ROOT = 'homeassistant';

/** The record streams a device publishes; also the last level of its `live/` topics. */
export const RECORD_KINDS = ['readings', 'predictions', 'events'] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

export const REQUEST_METHODS = ['infer', 'infer.cancel', 'context', 'twin.get', 'time', 'blob', 'enrol.renew'] as const;
export type RequestMethod = (typeof REQUEST_METHODS)[number];

const isRecordKind = (level: string): level is RecordKind => (RECORD_KINDS as readonly string[]).includes(level);
const isRequestMethod = (level: string): level is RequestMethod =>
  (REQUEST_METHODS as readonly string[]).includes(level);
/** A level of a public topic: no wildcard, nothing empty. */
const isPlainLevel = (level: string): boolean => /^[A-Za-z0-9._-]{1,64}$/.test(level);
const isCommandName = (level: string): boolean => /^[a-z][a-z0-9-]{0,31}$/.test(level);

const up = (deviceId: string): string => `${TOPIC_ROOT}/devices/${deviceId}/up`;
const down = (deviceId: string): string => `${TOPIC_ROOT}/devices/${deviceId}/down`;

/** One builder per topic; `x-…Filter` entries are subscriptions. */
export const topics = {
  presence: (deviceId: string): string => `${up(deviceId)}/presence`,
  records: (deviceId: string, kind: RecordKind): string => `${up(deviceId)}/${kind}`,
  reportedTwin: (deviceId: string): string => `${up(deviceId)}/twin`,
  request: (deviceId: string, method: RequestMethod): string => `${up(deviceId)}/request/${method}`,
  commandOutcome: (deviceId: string, commandId: string): string => `${up(deviceId)}/command/${commandId}`,
  reply: (deviceId: string, requestId: string): string => `${down(deviceId)}/reply/${requestId}`,
  desiredTwin: (deviceId: string): string => `${down(deviceId)}/twin`,
  command: (deviceId: string, name: string, commandId: string): string =>
    `${down(deviceId)}/command/${name}/${commandId}`,
  /** Everything that the server says to one device. */
  downFilter: (deviceId: string): string => `${down(deviceId)}/#`,
  live: (deviceId: string, kind: RecordKind): string => `${TOPIC_ROOT}/live/${deviceId}/${kind}`,
  liveFilter: (deviceId = '+', kind: RecordKind | '+' = '+'): string => `${TOPIC_ROOT}/live/${deviceId}/${kind}`,
  window: (stream: string, key: string): string => `${TOPIC_ROOT}/windows/${stream}/${key}`,
  prediction: (model: string, predictionId: string): string => `${TOPIC_ROOT}/predictions/${model}/${predictionId}`,
  alert: (alertId: string): string => `${TOPIC_ROOT}/alerts/${alertId}`,
  rollout: (rolloutId: string): string => `${TOPIC_ROOT}/rollouts/${rolloutId}`,
  fleetSummary: (): string => `${TOPIC_ROOT}/fleet/summary`,
  homeAssistantConfig: (deviceId: string): string => `${HOME_ASSISTANT_ROOT}/device/shoal/${deviceId}/config`,
  homeAssistantState: (deviceId: string): string => `${HOME_ASSISTANT_ROOT}/shoal/${deviceId}/state`,
  homeAssistantStatus: (): string => `${HOME_ASSISTANT_ROOT}/status`,
} as const;

export type UpTopic =
  | { readonly direction: 'up'; readonly deviceId: string; readonly what: 'presence' | 'twin' }
  | { readonly direction: 'up'; readonly deviceId: string; readonly what: 'records'; readonly kind: RecordKind }
  | { readonly direction: 'up'; readonly deviceId: string; readonly what: 'request'; readonly method: RequestMethod }
  | { readonly direction: 'up'; readonly deviceId: string; readonly what: 'command'; readonly commandId: string };

export type DownTopic =
  | { readonly direction: 'down'; readonly deviceId: string; readonly what: 'twin' }
  | { readonly direction: 'down'; readonly deviceId: string; readonly what: 'reply'; readonly requestId: string }
  | {
      readonly direction: 'down';
      readonly deviceId: string;
      readonly what: 'command';
      readonly name: string;
      readonly commandId: string;
    };

export type PublicTopic =
  | { readonly direction: 'public'; readonly what: 'live'; readonly deviceId: string; readonly kind: RecordKind }
  | { readonly direction: 'public'; readonly what: 'window'; readonly stream: string; readonly key: string }
  | { readonly direction: 'public'; readonly what: 'prediction'; readonly model: string; readonly id: string }
  | { readonly direction: 'public'; readonly what: 'alert' | 'rollout'; readonly id: string }
  | { readonly direction: 'public'; readonly what: 'fleet-summary' | 'home-assistant-status' }
  | {
      readonly direction: 'public';
      readonly what: 'home-assistant-config' | 'home-assistant-state';
      readonly deviceId: string;
    };

export type ParsedTopic = UpTopic | DownTopic | PublicTopic;

const parseUp = (deviceId: string, levels: readonly string[]): UpTopic | undefined => {
  const [first, second] = levels;
  if (levels.length === 1 && (first === 'presence' || first === 'twin')) {
    return { direction: 'up', deviceId, what: first };
  }
  if (levels.length === 1 && first !== undefined && isRecordKind(first)) {
    return { direction: 'up', deviceId, what: 'records', kind: first };
  }
  if (levels.length !== 2 || second === undefined) return undefined;
  if (first === 'request' && isRequestMethod(second)) {
    return { direction: 'up', deviceId, what: 'request', method: second };
  }
  if (first === 'command' && isRequestId(second)) {
    return { direction: 'up', deviceId, what: 'command', commandId: second };
  }
  return undefined;
};

const parseDown = (deviceId: string, levels: readonly string[]): DownTopic | undefined => {
  const [first, second, third] = levels;
  if (levels.length === 1 && first === 'twin') return { direction: 'down', deviceId, what: 'twin' };
  if (levels.length === 2 && first === 'reply' && second !== undefined && isRequestId(second)) {
    return { direction: 'down', deviceId, what: 'reply', requestId: second };
  }
  if (levels.length !== 3 || first !== 'command' || second === undefined || third === undefined) return undefined;
  if (!isCommandName(second) || !isRequestId(third)) return undefined;
  return { direction: 'down', deviceId, what: 'command', name: second, commandId: third };
};

const parsePublic = (levels: readonly string[]): PublicTopic | undefined => {
  const [first, second, third] = levels;
  if (levels.length === 3 && second !== undefined && third !== undefined) {
    if (first === 'live' && isDeviceId(second) && isRecordKind(third)) {
      return { direction: 'public', what: 'live', deviceId: second, kind: third };
    }
    if (first === 'windows' && isPlainLevel(second) && isPlainLevel(third)) {
      return { direction: 'public', what: 'window', stream: second, key: third };
    }
    if (first === 'predictions' && isPlainLevel(second) && isPlainLevel(third)) {
      return { direction: 'public', what: 'prediction', model: second, id: third };
    }
  }
  if (levels.length !== 2 || second === undefined) return undefined;
  if (first === 'fleet' && second === 'summary') return { direction: 'public', what: 'fleet-summary' };
  if (!isPlainLevel(second)) return undefined;
  if (first === 'alerts') return { direction: 'public', what: 'alert', id: second };
  if (first === 'rollouts') return { direction: 'public', what: 'rollout', id: second };
  return undefined;
};

const parseHomeAssistant = (levels: readonly string[]): PublicTopic | undefined => {
  const topic = [HOME_ASSISTANT_ROOT, ...levels].join('/');
  if (topic === topics.homeAssistantStatus()) return { direction: 'public', what: 'home-assistant-status' };
  const deviceId = levels.at(-2);
  if (deviceId === undefined || !isDeviceId(deviceId)) return undefined;
  if (topic === topics.homeAssistantConfig(deviceId)) {
    return { direction: 'public', what: 'home-assistant-config', deviceId };
  }
  return topic === topics.homeAssistantState(deviceId)
    ? { direction: 'public', what: 'home-assistant-state', deviceId }
    : undefined;
};

/**
 * Reads a topic name (not a filter).
 * @throws ProtocolError TOPIC_TOO_DEEP | TOPIC_UNKNOWN
 */
export const parseTopic = (topic: string): ParsedTopic => {
  const levels = topic.split('/', BOUNDS.topicDepth + 1);
  if (levels.length > BOUNDS.topicDepth) {
    throw new ProtocolError(
      'TOPIC_TOO_DEEP',
      `Topic "${topic.slice(0, 80)}" has more than ${BOUNDS.topicDepth} levels.`,
    );
  }
  const [root, version, area, deviceId, side, ...rest] = levels;
  if (root === 'shoal' && version === 'v1') {
    const parsed =
      area !== 'devices'
        ? parsePublic(levels.slice(2))
        : deviceId === undefined || !isDeviceId(deviceId)
          ? undefined
          : side === 'up'
            ? parseUp(deviceId, rest)
            : side === 'down'
              ? parseDown(deviceId, rest)
              : undefined;
    if (parsed) return parsed;
  }
  const foreign = root === HOME_ASSISTANT_ROOT ? parseHomeAssistant(levels.slice(1)) : undefined;
  if (foreign) return foreign;
  throw new ProtocolError(
    'TOPIC_UNKNOWN',
    `Topic "${topic.slice(0, 80)}" is not part of the contract; the topics are listed at /docs/mqtt.`,
  );
};
