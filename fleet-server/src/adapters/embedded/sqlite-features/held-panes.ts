/** Which panes of a window the online store holds: what any read from now on can need, and no more. */
import type { Pane } from '@shoal/models';

/** Both ascend; of two panes of one index the one of `touched` counts. */
export const withPanes = (held: readonly Pane[], touched: readonly Pane[]): Pane[] => {
  const panes: Pane[] = [];
  let at = 0;
  for (const pane of touched) {
    for (let before = held[at]; before !== undefined && before.index < pane.index; before = held[at]) {
      panes.push(before);
      at += 1;
    }
    if (held[at]?.index === pane.index) at += 1;
    panes.push(pane);
  }
  return [...panes, ...held.slice(at)];
};

/**
 * Drops what lies a whole window before the newest pane that is not in the future of `nowIndex`: a device whose clock runs
 * ahead pushes nothing out.
 */
export const trimmed = (held: readonly Pane[], nowIndex: number, panes: number): Pane[] => {
  const anchor = held.findLast(({ index }) => index <= nowIndex) ?? held[0];
  return anchor === undefined ? [] : held.filter(({ index }) => index > anchor.index - panes);
};
