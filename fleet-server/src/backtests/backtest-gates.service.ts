/** Says whether a release may be rolled out as far as backtests go: the last finished one of exactly it against exactly its base. */
import { Injectable } from '@nestjs/common';
import { backtestFaults } from '@shoal/models/backtest';
import type { BacktestGate } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { ModelBundles } from '../ports/model-bundles.ts';
import { BacktestsStore } from './backtests.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class BacktestGates {
  private readonly store = new BacktestsStore();
  private readonly database: ControlDatabase;
  private readonly bundles: ModelBundles;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, bundles: ModelBundles, around: Surroundings) {
    this.database = database;
    this.bundles = bundles;
    this.around = around;
  }

  /** @throws FleetError BACKTEST_MISSING | BACKTEST_GATE_FAILED, MODEL_RELEASE_NOT_FOUND | MODEL_ALIAS_NOT_FOUND of the base */
  async require(
    gate: BacktestGate,
    { model, version, digest }: { readonly model: string; readonly version: string; readonly digest: string },
  ): Promise<void> {
    const base = await this.bundles.show(model, gate.against);
    const pairing = { candidate: digest, champion: base.digest };
    const last = await this.store.lastFinished(this.database, pairing);
    const { figures = null, finishedAt = null, backtestId = '' } = last ?? {};
    if (figures === null || finishedAt === null) {
      const how = `shoal model backtest ${model}@${version} --against ${base.version}`;
      throw new FleetError(
        'BACKTEST_MISSING',
        `No finished backtest of ${model} ${version} against ${base.version}. Run one: ${how}`,
      );
    }
    const faults = backtestFaults(gate, figures, this.around.clock.now() - finishedAt);
    if (faults.length === 0) return;
    throw new FleetError(
      'BACKTEST_GATE_FAILED',
      `Backtest ${backtestId} of ${model} ${version} against ${base.version} is not what is asked for: ${faults.join('; ')}.`,
    );
  }
}
