/** Makes the local API from its slice of the configuration and what the agent shows on it; nothing here starts anything. */
import { OpenInferenceService, ThreadedCodec, type ModelRepository } from '@shoal/models';
import { BodyReader } from './body-reader.ts';
import type { HoldDoor } from './hold-routes.ts';
import { RecordFeed } from './record-feed.ts';
import { RequestDesk } from './request-desk.ts';
import { LocalApi } from './server.ts';
import type { LocalViews } from './status-routes.ts';

export interface LocalApiConfig {
  readonly host: string;
  readonly port: number;
  readonly socket: string | null;
  readonly maxBodyBytes: number;
  readonly requestTimeoutMs: number;
}

export interface LocalApiSurroundings {
  readonly views: LocalViews;
  readonly updates: HoldDoor;
  readonly repository: ModelRepository;
  readonly agentVersion: string;
  readonly deadlineMs: number;
  /** Names this run of the agent. */
  readonly run: string;
}

export interface LocalApiParts {
  /** Rejects with LOCAL_API_UNAVAILABLE. */
  start(): Promise<string>;
  stop(): Promise<void>;
  readonly feed: RecordFeed;
}

/** Bodies of so many largest requests may be on their way at a time. */
const BODIES_AT_ONCE = 4;
const FEED = { remembered: 256, maxPendingBytes: 262_144, maxListeners: 32 };

export const createLocalApi = (config: LocalApiConfig, around: LocalApiSurroundings): LocalApiParts => {
  const { views, updates, repository, agentVersion, deadlineMs, run } = around;
  const feed = new RecordFeed({ ...FEED, run });
  const codec = new ThreadedCodec();
  const service = new OpenInferenceService({
    repository,
    codec,
    name: 'shoal-agent',
    version: agentVersion,
    deadlineMs,
  });
  const status = (): object => ({ ...views.status(), localApi: feed.counters() });
  const bodies = new BodyReader(config.maxBodyBytes, config.maxBodyBytes * BODIES_AT_ONCE);
  const desk = new RequestDesk({ views: { ...views, status }, updates, service, feed, bodies });
  const server = new LocalApi({ ...config, answer: (...about) => desk.answer(...about) });
  return {
    feed,
    start: () => server.start(),
    stop: async () => {
      feed.stop();
      await server.stop();
      await codec.stop();
    },
  };
};
