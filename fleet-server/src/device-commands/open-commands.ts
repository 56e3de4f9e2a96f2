/** The commands that wait for something, by device and by expiry, so that neither a connect nor a tick reads the table. */

export interface OpenCommand {
  readonly commandId: string;
  readonly deviceId: string;
  readonly expiresAt: number;
}

export class OpenCommands {
  private readonly byId = new Map<string, OpenCommand>();
  private readonly byDevice = new Map<string, Set<string>>();
  /** No open command expires before; may be too early after a removal, never too late. */
  private soonest = Infinity;

  add(command: OpenCommand): void {
    this.byId.set(command.commandId, command);
    const ids = this.byDevice.get(command.deviceId) ?? new Set();
    this.byDevice.set(command.deviceId, ids.add(command.commandId));
    this.soonest = Math.min(this.soonest, command.expiresAt);
  }

  remove(commandId: string): void {
    const command = this.byId.get(commandId);
    if (!command) return;
    this.byId.delete(commandId);
    const ids = this.byDevice.get(command.deviceId);
    ids?.delete(commandId);
    if (ids?.size === 0) this.byDevice.delete(command.deviceId);
  }

  countOf(deviceId: string): number {
    return this.byDevice.get(deviceId)?.size ?? 0;
  }

  /** Those whose time has come. */
  due(now: number): readonly OpenCommand[] {
    if (now < this.soonest) return [];
    const due: OpenCommand[] = [];
    this.soonest = Infinity;
    for (const command of this.byId.values()) {
      if (command.expiresAt <= now) due.push(command);
      this.soonest = Math.min(this.soonest, command.expiresAt);
    }
    return due;
  }
}
