/** What is wrong with how a version answers windows, beside the one in force or in its place. Pure. */

export interface Answering {
  readonly answered: number;
  readonly failures: number;
  /** Times that its engine was lost. */
  readonly losses: number;
  /** No engine runs it any more. */
  readonly isDown: boolean;
}

/** One loss may be the machine's doing. */
const MOST_LOSSES = 2;
/** A few windows fail for reasons of their own, such as a sensor that was off. */
const FEW_FAILURES = 3;
const MOST_FAILED_SHARE = 0.1;

/** A sentence; undefined while nothing is. */
export const faultIn = ({ answered, failures, losses, isDown }: Answering): string | undefined => {
  if (isDown) return 'No engine runs it any more.';
  if (losses >= MOST_LOSSES) return `Its engine was lost ${losses} times.`;
  const windows = answered + failures;
  return failures >= FEW_FAILURES && failures > windows * MOST_FAILED_SHARE
    ? `${failures} of ${windows} windows were not answered.`
    : undefined;
};
