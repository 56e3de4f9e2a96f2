/** A view joined with the slots of the store that hold its features. */
import { entityViewHash, paneMsOf } from '@shoal/models';
import type { EntityFeature, EntityView, FeatureSource, StreamSource, WindowSource } from '@shoal/protocol';
import type { AsOfSlot, HistorySlot, RegisteredView, SlotSpec } from '../ports/feature-store.ts';

/** One window of the log that at least one feature looks at. */
export interface StreamSlot {
  readonly viewNo: number;
  readonly slotNo: number;
  readonly source: StreamSource;
}

/** What published windows of a stream say for at least one feature. */
export interface WindowSlot {
  readonly viewNo: number;
  readonly slotNo: number;
  readonly entity: string;
  readonly source: WindowSource;
}

export interface CompiledView {
  readonly view: EntityView;
  readonly hash: string;
  readonly viewNo: number;
  /** Per feature of the view. */
  readonly slotNos: readonly number[];
  readonly streams: readonly StreamSlot[];
  readonly windows: readonly WindowSlot[];
  readonly asOfSlots: readonly AsOfSlot[];
}

/** What was pushed is shared by definitions that code it alike; a window by all aggregates over it. */
const specOf = ({ name, datatype, categories, source }: EntityFeature): SlotSpec => {
  if (source.kind === 'pushed') {
    return { kind: 'pushed', identity: JSON.stringify(['pushed', name, datatype, categories ?? null]) };
  }
  if (source.kind === 'windows') {
    return {
      kind: 'windows',
      identity: JSON.stringify(['windows', source.stream, source.aggregate, source.part ?? null]),
    };
  }
  const { aggregate: _, ...window } = source;
  const of = window.kind === 'readings' ? [window.channel] : [window.model ?? null, window.output];
  return { kind: 'stream', identity: JSON.stringify([window.kind, ...of, window.windowMs, window.panes]) };
};

/** Parallel to the features. */
export const slotsOf = ({ features }: EntityView): SlotSpec[] => features.map(specOf);

/** First of each slot. */
const distinct = <T extends { readonly slotNo: number }>(items: readonly T[]): T[] => [
  ...new Map(items.toReversed().map((item) => [item.slotNo, item])).values(),
];

const kindOf = ({ kind }: FeatureSource): SlotSpec['kind'] =>
  kind === 'pushed' || kind === 'windows' ? kind : 'stream';

const isStream = (source: FeatureSource): source is StreamSource => kindOf(source) === 'stream';

/** `registered` is what the store answered to `slotsOf(view)`. */
export const compileView = (view: EntityView, registered: RegisteredView): CompiledView => {
  const { viewNo } = registered;
  const slotNos = registered.slots.map(({ slotNo }) => slotNo);
  const slots = view.features.map(({ source }, index) => ({ source, slotNo: slotNos[index] ?? 0 }));
  return {
    view,
    hash: entityViewHash(view),
    viewNo,
    slotNos,
    streams: distinct(slots.flatMap(({ source, slotNo }) => (isStream(source) ? [{ viewNo, slotNo, source }] : []))),
    windows: distinct(
      slots.flatMap(({ source, slotNo }) =>
        source.kind === 'windows' ? [{ viewNo, slotNo, entity: view.entity, source }] : [],
      ),
    ),
    asOfSlots: distinct(
      slots.map(({ source, slotNo }) => ({
        slotNo,
        kind: kindOf(source),
        window: isStream(source) ? { paneMs: paneMsOf(source), panes: source.panes } : undefined,
      })),
    ),
  };
};

/** Slots of the history, each with the features that look at it; of one feature alone when it is named. */
export const historySlotsOf = ({ view, slotNos }: CompiledView, feature: string | undefined): HistorySlot[] => {
  const bySlot = new Map<number, HistorySlot & { readonly names: string[] }>();
  for (const [index, { name, source }] of view.features.entries()) {
    if (feature !== undefined && name !== feature) continue;
    const slotNo = slotNos[index] ?? 0;
    const slot = bySlot.get(slotNo) ?? {
      slotNo,
      kind: kindOf(source),
      paneMs: isStream(source) ? paneMsOf(source) : undefined,
      names: [],
    };
    slot.names.push(name);
    bySlot.set(slotNo, slot);
  }
  return [...bySlot.values()];
};
