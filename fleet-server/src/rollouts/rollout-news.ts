/** Who changed since they were told last: rollouts that those who follow are told of, soon and once for many changes. */

export class RolloutNews {
  private readonly untold = new Set<string>();

  changed(rolloutId: string): void {
    this.untold.add(rolloutId);
  }

  take(): readonly string[] {
    const ids = [...this.untold];
    this.untold.clear();
    return ids;
  }
}
