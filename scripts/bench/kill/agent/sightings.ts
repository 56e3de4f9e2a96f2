/**
 * What an agent's own status proves about its commits. A sample counted by one sighting had been taken by then; when a
 * later sighting was asked for a commit window afterwards and answered, the event loop has turned since the window
 * ended, so the commit has been asked for: from a moment after that answer the sample must survive a kill.
 */

export interface Sighting {
  /** Milliseconds since the epoch: the question left then, the answer was there then. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** Per sensor: samples taken since the agent started. */
  readonly taken: Readonly<Record<string, number>>;
}

export interface CommitPace {
  readonly windowMs: number;
  /** For the writing thread and the disk to do a commit that was asked for. */
  readonly commitMs: number;
}

/** Per sensor how many samples of this run must have survived a kill at `killedAt`. Sightings in their order. */
export const securedSamples = (
  sightings: readonly Sighting[],
  killedAt: number,
  { windowMs, commitMs }: CommitPace,
): Readonly<Record<string, number>> => {
  const proof = sightings.findLast(({ answeredAt }) => answeredAt <= killedAt - commitMs);
  if (proof === undefined) return {};
  return sightings.findLast(({ answeredAt }) => answeredAt <= proof.askedAt - windowMs)?.taken ?? {};
};
