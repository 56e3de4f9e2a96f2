/** What has to hold before a rollout starts, besides what its states allow. */
import { Injectable } from '@nestjs/common';
import type { RolloutDefinition } from '@shoal/protocol';
import { BacktestGates } from '../backtests/backtest-gates.service.ts';
import { RolloutReleases } from './rollout-releases.service.ts';
import { allowedActions, type RolloutAction } from './rollout-states.ts';
import type { RolloutRecord } from './rollout.ts';

/** After any of them devices may be assigned. */
const STARTS: readonly RolloutAction[] = ['start', 'approve'];

@Injectable()
export class StartGates {
  private readonly backtests: BacktestGates;
  private readonly releases: RolloutReleases;
  constructor(backtests: BacktestGates, releases: RolloutReleases) {
    this.backtests = backtests;
    this.releases = releases;
  }

  /** Before it is stored: one that may not start leaves no draft behind. @throws FleetError as `before`, MODEL_RELEASE_NOT_FOUND */
  async beforeCreation({ model, version, gates }: RolloutDefinition): Promise<void> {
    if (gates?.backtest === undefined) return;
    const { digest } = await this.releases.find(model, version);
    await this.backtests.require(gates.backtest, { model, version, digest });
  }

  /** What the state does not allow is refused by others. @throws FleetError BACKTEST_MISSING | BACKTEST_GATE_FAILED | MODEL_ALIAS_NOT_FOUND */
  async before({ definition, release, state }: RolloutRecord, action: RolloutAction): Promise<void> {
    const gate = definition.gates?.backtest;
    if (gate === undefined || !STARTS.includes(action) || !allowedActions(state).includes(action)) return;
    await this.backtests.require(gate, { model: definition.model, ...release });
  }
}
