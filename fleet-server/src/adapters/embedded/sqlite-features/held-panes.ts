/** Which panes of a window the online store holds: what any read from now on can need, and no more. */
import type { Pane } from '@shoal/models';

/** `held` ascends; a pane of the same index is replaced. */
export const withPane = (held: readonly Pane[], pane: Pane): Pane[] => {
  const after = held.findIndex(({ index }) => index >= pane.index);
  if (after < 0) return [...held, pane];
  const isSame = held[after]?.index === pane.index;
  return [...held.slice(0, after), pane, ...held.slice(isSame ? after + 1 : after)];
};

/**
 * Drops what lies a whole window before the newest pane that is not in the future of `nowIndex`: a device whose clock runs
 * ahead pushes nothing out.
 */
export const trimmed = (held: readonly Pane[], nowIndex: number, panes: number): Pane[] => {
  const anchor = held.findLast(({ index }) => index <= nowIndex) ?? held[0];
  return anchor === undefined ? [] : held.filter(({ index }) => index > anchor.index - panes);
};
