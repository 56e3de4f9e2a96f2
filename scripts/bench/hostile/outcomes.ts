/** What became of a model, by the code it was refused with. */
export const OUTCOMES = [
  'refused_by_gate',
  'refused_at_load',
  'golden_mismatch',
  'run_failed',
  'timed_out',
  'crashed_child',
  'harmless',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const BY_CODE: Readonly<Record<string, Outcome>> = {
  MODEL_MALFORMED: 'refused_by_gate',
  MODEL_GATE_REFUSED: 'refused_by_gate',
  MODEL_TOO_LARGE: 'refused_by_gate',
  MODEL_LOAD_FAILED: 'refused_at_load',
  MODEL_SIGNATURE_MISMATCH: 'refused_at_load',
  GOLDEN_MISMATCH: 'golden_mismatch',
  OUTPUT_MISMATCH: 'golden_mismatch',
  OUTPUT_NOT_FINITE: 'golden_mismatch',
  OUTPUT_TOO_LARGE: 'golden_mismatch',
  MODEL_RUN_FAILED: 'run_failed',
  ENGINE_TIMEOUT: 'timed_out',
  ENGINE_CRASHED: 'crashed_child',
  ENGINE_OUT_OF_MEMORY: 'crashed_child',
  MODEL_QUARANTINED: 'crashed_child',
  INPUT_BREAKS_MODEL: 'crashed_child',
};

/** Undefined for a code that no model should be refused with. */
export const outcomeOfCode = (code: string): Outcome | undefined => BY_CODE[code];
