/** The few facts of a device's reported state that the registry shows; the twin keeps the whole. */
import { reportedStateSchema, type JsonObject, type ReportedState } from '@shoal/protocol';

export interface ReportedFacts {
  readonly health?: NonNullable<ReportedState['health']>;
  readonly outbox?: NonNullable<ReportedState['outbox']>;
  readonly clock?: NonNullable<ReportedState['clock']>;
  readonly models?: NonNullable<ReportedState['models']>;
  readonly updates?: NonNullable<ReportedState['updates']>;
  readonly refusal?: NonNullable<ReportedState['refusal']>;
}

const { health, outbox, clock, models, updates, refusal } = reportedStateSchema.shape;
const SECTIONS = { health, outbox, clock, models, updates, refusal } as const;

/** Section by section: one that is absent, or that this version cannot read, leaves its facts unknown and hides no other. */
export const factsOf = (reported: JsonObject): ReportedFacts => {
  const facts: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(SECTIONS)) {
    const parsed = schema.safeParse(reported[name]);
    if (parsed.success && parsed.data !== undefined && parsed.data !== null) facts[name] = parsed.data;
  }
  return facts as ReportedFacts;
};
