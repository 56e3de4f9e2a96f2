/** What may happen to a scoring run in which state, and what it is then: the table that store and API go by. */
import type { ScoringState } from '@shoal/protocol';

export type RunEvent =
  'take' | 'release' | 'complete' | 'publish' | 'fail' | 'pause' | 'resume' | 'cancel' | 'resubmit';

/** A missing entry: it cannot happen, and whoever asks for it is refused. */
export const RUN_STATES: Readonly<Record<ScoringState, Partial<Readonly<Record<RunEvent, ScoringState>>>>> = {
  queued: { take: 'running', fail: 'failed', pause: 'paused', cancel: 'canceled' },
  running: { release: 'queued', complete: 'validating', fail: 'failed', pause: 'paused', cancel: 'canceled' },
  validating: { release: 'queued', publish: 'published', fail: 'failed', cancel: 'canceled' },
  published: { publish: 'published' },
  failed: { publish: 'published', resubmit: 'queued' },
  canceled: { resubmit: 'queued' },
  paused: { resume: 'queued', cancel: 'canceled' },
};

/** Undefined: refused. */
export const afterRunEvent = (state: ScoringState, event: RunEvent): ScoringState | undefined =>
  RUN_STATES[state][event];
