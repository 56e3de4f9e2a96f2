/** How long a model that is new here runs apart from the others: pure. */

/** Answers without a loss; golden vectors say little about inputs to come. */
const TRIAL_RUNS = 200;

/** `alone`: it is trusted, and memory is there for a process of its own. `apart`: it cost others something, and never joins them. */
export type Standing =
  { readonly kind: 'trial'; readonly answers: number } | { readonly kind: 'alone' } | { readonly kind: 'apart' };

/** Null once it may share a process. */
export const afterAnswer = (standing: Standing): Standing | null => {
  if (standing.kind !== 'trial') return standing;
  const answers = standing.answers + 1;
  return answers < TRIAL_RUNS ? { kind: 'trial', answers } : null;
};
