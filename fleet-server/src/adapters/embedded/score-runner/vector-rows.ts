/** Vectors of many entities as rows of one matrix, judged feature by feature as a single request would be. */
import { answersAt, judgeFeature, type FeatureAnswers } from '@shoal/models';
import type { StoredEntity } from '../../../ports/feature-store.ts';
import type { VectorLayout } from '../../../ports/score-runner.ts';

export interface RowFault {
  readonly reason: string;
  readonly detail: string;
}

export class VectorRows {
  readonly #layout: VectorLayout;
  readonly #refusesNaN: boolean;
  /** Per view of the layout. */
  readonly #answers: readonly FeatureAnswers[];

  constructor(layout: VectorLayout, asOf: number, refusesNaN: boolean) {
    this.#layout = layout;
    this.#answers = layout.views.map(({ view }) => answersAt(view, asOf));
    this.#refusesNaN = refusesNaN;
  }

  get width(): number {
    return this.#layout.names.length;
  }

  /** Writes one row at `start`. `stored` is parallel to the views, `own` to the features. @returns why the row cannot be scored */
  fill(
    matrix: Float32Array,
    start: number,
    stored: readonly (StoredEntity | undefined)[],
    own: Float64Array | undefined,
  ): RowFault | undefined {
    const { names } = this.#layout;
    const failed: string[] = [];
    let hasNaN = false;
    for (let index = 0; index < names.length; index += 1) {
      const given = own?.[index] ?? Number.NaN;
      const value = Number.isNaN(given) ? this.#stored(index, stored, failed) : given;
      matrix[start + index] = value;
      hasNaN ||= !Number.isFinite(matrix[start + index]);
    }
    if (failed.length > 0) {
      return { reason: 'FEATURE_UNAVAILABLE', detail: `There is no ${failed.slice(0, 5).join(', ')}.` };
    }
    return hasNaN && this.#refusesNaN ? this.#notFinite(matrix, start) : undefined;
  }

  #stored(index: number, stored: readonly (StoredEntity | undefined)[], failed: string[]): number {
    const { names, picks, views } = this.#layout;
    const pick = picks[index];
    const compiled = pick === undefined ? undefined : views[pick.of];
    const answer = pick === undefined ? undefined : this.#answers[pick.of];
    const feature = pick === undefined ? undefined : compiled?.view.features[pick.index];
    if (pick === undefined || compiled === undefined || answer === undefined || feature === undefined)
      return Number.NaN;
    const held = stored[pick.of]?.slots.get(compiled.slotNos[pick.index] ?? 0);
    const { used, fails } = judgeFeature(feature, answer(feature, held));
    if (fails) failed.push(names[index] ?? '');
    return used ?? Number.NaN;
  }

  #notFinite(matrix: Float32Array, start: number): RowFault {
    const bad = this.#layout.names.filter((_, index) => !Number.isFinite(matrix[start + index]));
    return { reason: 'INPUT_NOT_FINITE', detail: `The model needs ${bad.slice(0, 5).join(', ')}.` };
  }
}
