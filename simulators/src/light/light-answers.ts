/** What a light device answers to the fleet: decided here, sent elsewhere. */
import {
  commandSchema,
  decodeFrame,
  desiredTwinSchema,
  mergePatch,
  signedAssignmentSchema,
  topics,
  type CommandOutcome,
  type JsonObject,
  type ReportedTwin,
  type SignedAssignment,
} from '@shoal/protocol';

export interface LightTwin {
  readonly appliedVersion: number;
  /** Everything desired is taken over as it is, but updates, which are acted out: a light device has nothing that could refuse it. */
  readonly reported: JsonObject;
}

export interface Answer {
  readonly topic: string;
  readonly body: object;
}

export interface AnsweredTwin {
  readonly twin: LightTwin;
  /** What the fleet assigns; undefined when nothing, or nothing new. */
  readonly updates: SignedAssignment | undefined;
  readonly answers: readonly Answer[];
}

/** Applies a desired twin and reports it as a patch. A version already applied changes nothing. */
export const answerDesiredTwin = (deviceId: string, twin: LightTwin, payload: Uint8Array): AnsweredTwin => {
  const parsed = desiredTwinSchema.safeParse(decodeFrame(payload));
  if (!parsed.success || parsed.data.version <= twin.appliedVersion) return { twin, updates: undefined, answers: [] };
  const { version, desired: whole } = parsed.data;
  const { updates, ...desired } = whole;
  const report: ReportedTwin = { v: 1, appliedVersion: version, mode: 'patch', reported: desired };
  return {
    twin: { appliedVersion: version, reported: mergePatch(twin.reported, desired) },
    updates: signedAssignmentSchema.safeParse(updates).data,
    answers: [{ topic: topics.reportedTwin(deviceId), body: report }],
  };
};

/** `at` by the device's clock, `serverNow` as the device believes the server's clock to stand. */
export interface Instants {
  readonly at: number;
  readonly serverNow: number;
}

/** `ping` succeeds, everything else is unsupported, what comes too late is expired. Remembered outcomes are repeated as they are. */
export const answerCommand = (
  deviceId: string,
  payload: Uint8Array,
  remembered: ReadonlyMap<string, CommandOutcome>,
  { at, serverNow }: Instants,
): { readonly answers: readonly Answer[]; readonly outcome: CommandOutcome | undefined } => {
  const parsed = commandSchema.safeParse(decodeFrame(payload));
  if (!parsed.success) return { answers: [], outcome: undefined };
  const { commandId, name, expiresAt } = parsed.data;
  const topic = topics.commandOutcome(deviceId, commandId);
  const before = remembered.get(commandId);
  if (before !== undefined) return { answers: [{ topic, body: before }], outcome: before };
  const state = serverNow > expiresAt ? 'expired' : name === 'ping' ? 'succeeded' : 'unsupported';
  const outcome: CommandOutcome = { v: 1, commandId, state, at };
  const acknowledged: CommandOutcome = { v: 1, commandId, state: 'acknowledged', at };
  const bodies = state === 'expired' ? [outcome] : [acknowledged, outcome];
  return { answers: bodies.map((body) => ({ topic, body })), outcome };
};
