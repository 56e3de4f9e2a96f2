/** Skew: samples of what was served are derived again from the history, as of the instant they were served. */
import { Injectable } from '@nestjs/common';
import type { JudgedFeature } from '@shoal/models';
import type { Page, SkewAudit } from '@shoal/protocol';
import {
  FeatureStore,
  type Knowledge,
  type PageOptions,
  type SettledAudit,
  type StoredEntity,
} from '../ports/feature-store.ts';
import type { CompiledView } from './compiled-view.ts';
import { judgeEntity } from './served-entity.ts';
import { Surroundings } from './surroundings.service.ts';

/** What was served of one view, and from what. */
export interface Served {
  readonly entity: string;
  readonly servedAt: number;
  readonly stored: StoredEntity | undefined;
  readonly judged: readonly JudgedFeature[];
}

interface Sample extends Omit<Served, 'stored' | 'judged'> {
  readonly compiled: CompiledView;
  readonly known: Knowledge;
  readonly values: readonly (number | null)[];
}

/** Samples that wait for the next audit; more are not taken. */
const PENDING = 1_000;
const NOTHING_KNOWN: Knowledge = { pushedAt: 0, streamAt: 0, windowAt: 0 };

@Injectable()
export class SkewAuditService {
  private readonly store: FeatureStore;
  private pending: Sample[] = [];
  private readonly seen = { audited: 0, mismatched: 0 };
  private readonly around: Surroundings;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(store: FeatureStore, around: Surroundings) {
    this.store = store;
    this.around = around;
  }

  start(): void {
    this.around.metrics.gauge('feature_skew_ratio', 0);
    this.timer = setInterval(() => {
      this.running = this.auditNow();
    }, this.around.config.auditMs);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  sample(compiled: CompiledView, { entity, servedAt, stored, judged }: Served): void {
    if (this.pending.length >= PENDING) return;
    const { pushedAt, streamAt, windowAt } = stored ?? NOTHING_KNOWN;
    const known = { pushedAt, streamAt, windowAt };
    this.pending.push({ compiled, entity, servedAt, known, values: judged.map(({ used }) => used) });
  }

  /** What was served of it is not audited any more: its history goes. */
  forget(entity: string): void {
    this.pending = this.pending.filter((sample) => sample.entity !== entity);
  }

  list(
    page: PageOptions & { readonly result: string | undefined; readonly view: string | undefined },
  ): Promise<Page<SkewAudit>> {
    return this.store.listAudits(page);
  }

  private async auditNow(): Promise<void> {
    const samples = this.pending;
    this.pending = [];
    if (samples.length === 0) return;
    try {
      const audits: SettledAudit[] = [];
      for (const sample of samples) audits.push(await this.audit(sample));
      await this.store.saveAudits(audits);
      for (const { result } of audits) {
        this.around.metrics.count('feature_skew_audits_total', 1, { result });
        this.seen.audited += 1;
        if (result === 'mismatch') this.seen.mismatched += 1;
      }
      this.around.metrics.gauge('feature_skew_ratio', this.seen.mismatched / this.seen.audited);
    } catch (error) {
      this.around.log.error({ err: error }, 'served vectors could not be audited');
    }
  }

  /** As of what was known when it was served; else of what the served state was made of, which tells lag from skew. */
  private async audit(sample: Sample): Promise<SettledAudit> {
    const { compiled, entity, servedAt, known, values } = sample;
    const derived = await this.derive(sample, { pushedAt: servedAt, streamAt: servedAt, windowAt: servedAt });
    const isMatch = sameValues(derived, values);
    const isBehind = !isMatch && sameValues(await this.derive(sample, known), values);
    const result = isMatch ? 'match' : isBehind ? 'behind' : 'mismatch';
    return {
      view: compiled.view.name,
      hash: compiled.hash,
      entity,
      servedAt,
      auditedAt: this.around.clock.now(),
      result,
      differing: compiled.view.features.filter((_, index) => derived[index] !== values[index]).map(({ name }) => name),
      served: [...values],
      derived,
    };
  }

  private async derive({ compiled, entity, servedAt }: Sample, known: Knowledge): Promise<(number | null)[]> {
    const { viewNo, asOfSlots: slots } = compiled;
    const stored = await this.store.readAsOf({ viewNo, entity, slots, at: servedAt, known });
    return judgeEntity(compiled, stored, servedAt).map(({ used }) => used);
  }
}

const sameValues = (a: readonly (number | null)[], b: readonly (number | null)[]): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);
