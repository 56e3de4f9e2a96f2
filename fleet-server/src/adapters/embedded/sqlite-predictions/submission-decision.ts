/** What a submission comes to, from what is stored: pure. */

export interface SubmissionFacts {
  readonly digest: string | null;
  /** The ticket its key stands for. */
  readonly known: { readonly ticketNo: number; readonly digest: string } | undefined;
  readonly freshSince: number;
  /** The newest answer about the same entity by the same model and features. */
  readonly answered: { readonly ticketNo: number; readonly finishedAt: number } | undefined;
  /** An open run about the same. */
  readonly inFlight: number | undefined;
  readonly open: number;
  readonly openBytes: number;
  readonly bytes: number;
  readonly maxOpen: number;
  readonly maxOpenBytes: number;
}

export type SubmissionDecision =
  | { readonly kind: 'same' | 'conflict' | 'fresh'; readonly ticketNo: number }
  | { readonly kind: 'join'; readonly runNo: number }
  | { readonly kind: 'queue' }
  | { readonly kind: 'full' };

/** A key outweighs everything; what is fresh needs no room, and who joins a run needs none for what it asks. */
export const decideSubmission = (facts: SubmissionFacts): SubmissionDecision => {
  const { known, digest, answered, freshSince, inFlight } = facts;
  if (known !== undefined) {
    return { kind: known.digest === digest ? 'same' : 'conflict', ticketNo: known.ticketNo };
  }
  if (answered !== undefined && answered.finishedAt >= freshSince)
    return { kind: 'fresh', ticketNo: answered.ticketNo };
  if (facts.open >= facts.maxOpen) return { kind: 'full' };
  if (inFlight !== undefined) return { kind: 'join', runNo: inFlight };
  return facts.openBytes + facts.bytes > facts.maxOpenBytes ? { kind: 'full' } : { kind: 'queue' };
};
