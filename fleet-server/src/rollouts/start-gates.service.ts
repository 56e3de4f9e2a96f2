/** What has to hold before a rollout starts, besides what its states allow. */
import { Injectable } from '@nestjs/common';
import { BacktestGates } from '../backtests/backtest-gates.service.ts';
import type { RolloutAction } from './rollout-states.ts';
import type { RolloutRecord } from './rollout.ts';

/** After any of them devices may be assigned. */
const STARTS: readonly RolloutAction[] = ['start', 'approve'];

@Injectable()
export class StartGates {
  private readonly backtests: BacktestGates;
  constructor(backtests: BacktestGates) {
    this.backtests = backtests;
  }

  /** @throws FleetError BACKTEST_MISSING | BACKTEST_GATE_FAILED | MODEL_ALIAS_NOT_FOUND */
  async require({ definition, release }: RolloutRecord, action: RolloutAction): Promise<void> {
    const gate = definition.gates?.backtest;
    if (gate === undefined || !STARTS.includes(action)) return;
    await this.backtests.require(gate, { model: definition.model, ...release });
  }
}
