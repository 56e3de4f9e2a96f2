/** Runs a rule over what is stored, in memory: when it would have fired, without saving anything. */
import {
  NEW_KEY,
  planRule,
  runRecords,
  runWindow,
  emptyTally,
  type KeyState,
  type RulePlan,
  type Run,
} from '@shoal/models/alerts';
import type { AlertPreview, AlertPreviewAnswer, WindowResult } from '@shoal/protocol';
import type { WatchedDevice } from '../../../ports/alert-store.ts';
import type { LogSource } from '../sqlite-windows/windows-writer.ts';
import { absencesIn } from './absence-preview.ts';
import type { FollowedWindows } from './followed-windows.ts';
import { KnownDevices } from './known-devices.ts';
import { PreviewTally } from './preview-tally.ts';

/** Records read at most: a few seconds. */
const RECORDS = 1_000_000;
const RECORDS_AT_ONCE = 20_000;
const WINDOWS_AT_ONCE = 1_000;
const WEEK_MS = 7 * 86_400_000;

export interface PreviewWorld {
  readonly log: LogSource;
  readonly windows: FollowedWindows;
  readonly devices: readonly WatchedDevice[];
  readonly now: number;
  /** Between two parts, so that others get their turn. */
  readonly breathe: () => Promise<void>;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

export const previewRule = async (preview: AlertPreview, world: PreviewWorld): Promise<AlertPreviewAnswer> => {
  const { rule, from = world.now - WEEK_MS, to = world.now, limit } = preview;
  const plan = planRule(rule);
  const devices = new KnownDevices();
  devices.set(world.devices, world.now);
  const tally = new PreviewTally();
  const span = { from, to };
  const { recordsRead, isComplete } =
    rule.on.kind === 'window'
      ? await overWindows(plan, span, { ...world, known: devices, tally })
      : await overRecords(plan, span, { ...world, known: devices, tally });
  return { ...tally.answer(span, limit, rule.name), recordsRead, isComplete };
};

interface Running extends PreviewWorld {
  readonly known: KnownDevices;
  readonly tally: PreviewTally;
}

interface Outcome {
  readonly recordsRead: number;
  readonly isComplete: boolean;
}

const overRecords = async (plan: RulePlan, { from, to }: Span, world: Running): Promise<Outcome> => {
  const { log, known, tally, now, breathe } = world;
  const states = new Map<string, KeyState>();
  const absences = absencesIn(plan);
  let [recordsRead, position, isEnd] = [0, 0, false];
  while (!isEnd && recordsRead < RECORDS) {
    const part = log.read({ afterBatchId: position, records: RECORDS_AT_ONCE, from, to });
    for (const columns of part.batches) {
      const { deviceId, receivedAt } = columns;
      if (!known.carries(deviceId, plan.rule.labels)) continue;
      if (absences !== undefined) {
        tally.take(deviceId, absences.heard(deviceId, receivedAt));
        continue;
      }
      const run: Run = runRecords(plan, columns, states.get(deviceId) ?? NEW_KEY, emptyTally());
      states.set(deviceId, run.state);
      tally.take(deviceId, run.transitions);
      tally.quiet(plan, deviceId, run, receivedAt);
    }
    recordsRead += part.records;
    position = part.lastBatchId;
    isEnd = part.isEnd;
    await breathe();
  }
  for (const [deviceId, transitions] of absences?.end(Math.min(now, to)) ?? []) tally.take(deviceId, transitions);
  return { recordsRead, isComplete: isEnd };
};

const overWindows = async (plan: RulePlan, { from, to }: Span, world: Running): Promise<Outcome> => {
  const { on } = plan.rule;
  if (on.kind !== 'window') return { recordsRead: 0, isComplete: true };
  const { windows, known, tally, breathe } = world;
  // As they are now: that a window was once otherwise is not stored.
  const asSeen = (window: WindowResult): WindowResult => ({ ...window, updatedAt: window.endAt });
  const query = {
    stream: on.stream,
    key: undefined,
    level: on.level,
    from,
    to,
    state: 'published',
    order: 'asc',
  } as const;
  let [recordsRead, cursor]: [number, string | undefined] = [0, undefined];
  let [key, state]: [string | undefined, KeyState] = [undefined, NEW_KEY];
  do {
    const page = windows.windows({ ...query, limit: WINDOWS_AT_ONCE, cursor });
    for (const window of page.items) {
      if (!known.carries(window.key, plan.rule.labels)) continue;
      if (window.key !== key) [key, state] = [window.key, NEW_KEY];
      const run = runWindow(plan, asSeen(window), state, emptyTally());
      state = run.state;
      tally.take(window.key, run.transitions);
    }
    recordsRead += page.items.length;
    cursor = page.nextCursor ?? undefined;
    await breathe();
  } while (cursor !== undefined && recordsRead < RECORDS);
  return { recordsRead, isComplete: cursor === undefined };
};
