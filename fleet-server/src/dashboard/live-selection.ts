/** What one client of the live feed wants to see, and the text it gets (HTML Living Standard 9.2, server-sent events). */
import { liveEventSchemas, type LiveTopic } from '@shoal/protocol';
import type { LiveEvent, NumberedEvent } from './live-ring.ts';

export interface LiveSelection {
  readonly topics: ReadonlySet<LiveTopic>;
  /** Undefined: all devices. What is not about one device passes. */
  readonly deviceId: string | undefined;
}

const DEFAULT_TOPICS: readonly LiveTopic[] = ['devices', 'summary', 'events'];

const isLiveTopic = (name: string): name is LiveTopic => Object.hasOwn(liveEventSchemas, name);

/** @returns undefined when a name is no topic */
export const parseTopics = (text: string | undefined): ReadonlySet<LiveTopic> | undefined => {
  if (text === undefined || text === '') return new Set(DEFAULT_TOPICS);
  const names = text.split(',').map((name) => name.trim());
  return names.every(isLiveTopic) ? new Set(names) : undefined;
};

export const selects = ({ topics, deviceId }: LiveSelection, event: LiveEvent): boolean =>
  topics.has(event.topic) && (deviceId === undefined || event.deviceId === null || event.deviceId === deviceId);

/** Ids name the run of the server too: numbers start anew with every run. */
export interface LiveId {
  readonly run: string;
  readonly number: number;
}

export const formatId = ({ run, number }: LiveId): string => `${run}-${number}`;

export const parseId = (text: string): LiveId | undefined => {
  const match = /^([0-9a-z]{1,32})-([0-9]{1,15})$/.exec(text);
  return match ? { run: match[1] as string, number: Number(match[2]) } : undefined;
};

/** JSON text has no line break, so one `data:` line holds it. */
export const eventText = (run: string, { topic, number, data }: NumberedEvent): string =>
  `event: ${topic}\nid: ${formatId({ run, number })}\ndata: ${data}\n\n`;

/** Tells the client that it missed events and where it stands now: it should read the lists again. */
export const gapText = (run: string, number: number): string =>
  `event: gap\nid: ${formatId({ run, number })}\ndata: {"reason":"events since Last-Event-ID are no longer known"}\n\n`;
