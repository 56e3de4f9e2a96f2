/** A window of one model, as the inference loop takes it. */

export interface WindowSample {
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/** Half-open [startAt, endAt) in event time; samples in order of arrival. */
export interface AssembledWindow {
  readonly startAt: number;
  readonly endAt: number;
  readonly samples: readonly WindowSample[];
}
