/** Windows as the API shows them. */
import { WindowState, type HeldWindow, type StreamPlan } from '@shoal/models/streams';
import type { WindowResult } from '@shoal/protocol';
import { WINDOW_LEVELS } from '@shoal/protocol/vocabulary';

/** The state of a count window says when it began. */
export const resultOf = (plan: StreamPlan, window: HeldWindow, updatedAt: number): WindowResult => {
  const { level, key, start, end, state, revision, isFinal, isRetracted } = window;
  const isCount = plan.definition.window.kind === 'count' && level === 0;
  const startAt = isCount ? state.earliest : start;
  return {
    stream: plan.definition.name,
    key,
    level: WINDOW_LEVELS[level],
    startAt,
    endAt: end,
    state: isRetracted ? 'retracted' : isFinal ? 'final' : 'open',
    revision,
    records: state.records,
    clockBad: state.clockBad,
    values: (isRetracted ? new WindowState(plan) : state).values(Math.max(1, end - startAt)),
    updatedAt,
  };
};
