/**
 * Windows over event time kept as mergeable panes: in whatever order records come, the same records give the same window.
 * A pane covers [index * paneMs, (index + 1) * paneMs). Mean and variance merge by Chan, Golub and LeVeque (1979).
 */
import type { StreamSource, WindowAggregate } from '@shoal/protocol/wire';

export interface Pane {
  readonly index: number;
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
  /** Event time of `last`; of equal times the one that came later. */
  readonly lastAt: number;
}

export const paneMsOf = ({ windowMs, panes }: Pick<StreamSource, 'windowMs' | 'panes'>): number => windowMs / panes;

export const paneIndexAt = (eventAt: number, paneMs: number): number => Math.floor(eventAt / paneMs);

/** A pane of one value. */
export const paneOf = (index: number, value: number, eventAt: number): Pane => ({
  index,
  count: 1,
  sum: value,
  mean: value,
  squares: 0,
  min: value,
  max: value,
  last: value,
  lastAt: eventAt,
});

/** `b` came after `a`; keeps the later index. */
export const mergePanes = (a: Pane, b: Pane): Pane => {
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  const isLater = b.lastAt >= a.lastAt;
  return {
    index: Math.max(a.index, b.index),
    count,
    sum: a.sum + b.sum,
    mean: a.mean + (delta * b.count) / count,
    squares: a.squares + b.squares + (delta * delta * a.count * b.count) / count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    last: isLater ? b.last : a.last,
    lastAt: isLater ? b.lastAt : a.lastAt,
  };
};

/** The window that ends with the pane of `at`: that pane and the `panes - 1` before it; undefined when they are empty. `held` ascends. */
export const windowAt = (
  held: readonly Pane[],
  at: number,
  source: Pick<StreamSource, 'windowMs' | 'panes'>,
): Pane | undefined => {
  const newest = paneIndexAt(at, paneMsOf(source));
  let window: Pane | undefined;
  for (const pane of held) {
    if (pane.index > newest || pane.index <= newest - source.panes) continue;
    window = window === undefined ? pane : mergePanes(window, pane);
  }
  return window;
};

export const aggregateOf = (pane: Pane, aggregate: WindowAggregate): number => {
  switch (aggregate) {
    case 'last':
      return pane.last;
    case 'mean':
      return pane.mean;
    case 'min':
      return pane.min;
    case 'max':
      return pane.max;
    case 'sum':
      return pane.sum;
    case 'count':
      return pane.count;
    case 'std':
      return Math.sqrt(Math.max(0, pane.squares) / pane.count);
  }
};
