/** How long a model that is new here runs apart from the others: pure. */

/** Answers without a loss; golden vectors say little about inputs to come. */
const TRIAL_RUNS = 200;

/** `apart`: it cost others something, and never joins them. */
export type Standing = { readonly kind: 'trial'; readonly answers: number } | { readonly kind: 'apart' };

/** Null once it may share a process. */
export const afterAnswer = (standing: Standing): Standing | null => {
  if (standing.kind === 'apart') return standing;
  const answers = standing.answers + 1;
  return answers < TRIAL_RUNS ? { kind: 'trial', answers } : null;
};
