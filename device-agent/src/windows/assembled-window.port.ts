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
  /** Samples the source had given since the agent began, before the one that closed the window: at least all up to its end. */
  readonly samplesSeen: number;
}
