/** Says which releases rollouts still need, before one is removed: those they bring, and those they would go back to. */
import { Injectable } from '@nestjs/common';
import { ModelUsage } from '../ports/model-usage.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { ENDED } from './rollout.ts';

@Injectable()
export class ReleaseUsage {
  private readonly usage: ModelUsage;
  private readonly engine: RolloutEngine;
  constructor(usage: ModelUsage, engine: RolloutEngine) {
    this.usage = usage;
    this.engine = engine;
  }

  start(): void {
    this.usage.ask(async (name, version) => this.reason(name, version));
  }

  private reason(name: string, version: string): string | null {
    const { book } = this.engine;
    for (const { rolloutId, definition, state } of book.all()) {
      if (definition.model !== name || ENDED.includes(state)) continue;
      if (definition.version === version) return `rollout ${rolloutId} brings it`;
      const devices = [...(book.get(rolloutId)?.devices.values() ?? [])];
      if (devices.some(({ before }) => before?.version === version)) return `rollout ${rolloutId} would go back to it`;
    }
    return null;
  }
}
