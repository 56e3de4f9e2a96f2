/** Backfills as the store keeps them: which days there are, and which run each has. */
import type { ScoringBackfill, ScoringJob } from '@shoal/protocol';

export interface NewBackfill {
  readonly backfillId: string;
  readonly model: ScoringBackfill['model'];
  readonly from: string;
  readonly to: string;
  /** Ascending: one run each is for. */
  readonly instants: readonly number[];
  /** With the version of the model pinned: every day is scored by the same one. */
  readonly definition: ScoringJob;
  readonly createdAt: number;
}

export interface StoredBackfill extends Omit<ScoringBackfill, 'id'> {
  readonly backfillId: string;
}

export interface BackfillQuery {
  readonly job: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** A day whose run is to be submitted next. */
export interface BackfillDay {
  readonly backfillId: string;
  readonly definition: ScoringJob;
  readonly dueAt: number;
}

export interface BackfillEnd {
  readonly backfillId: string;
  readonly state: 'canceled' | 'failed';
  readonly error: ScoringBackfill['error'];
  readonly now: number;
}

export type BackfillChange =
  | { readonly kind: 'changed'; readonly backfill: StoredBackfill }
  /** It has ended already. */
  | { readonly kind: 'refused'; readonly backfill: StoredBackfill };
