/** What each part of a desired configuration changes; what the fleet does not desire goes back to the device's own configuration. */
import {
  desiredConfigurationSchema,
  type DesiredConfiguration,
  type DesiredFallback,
  type DesiredRule,
  type JsonObject,
  type SignedAssignment,
} from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';

/** The adjustable sides of the agent's parts. */
export interface DesiredTargets {
  readonly models: () => readonly {
    readonly model: { readonly name: string };
    setThresholds(thresholds: Readonly<Record<string, number>>): void;
    setEnabled(enabled: boolean): void;
    setFallback?(desired: DesiredFallback | undefined): void;
  }[];
  readonly sensors: () => readonly { status(): { readonly name: string }; setEnabled(enabled: boolean): void }[];
  /** Throws DESIRED_INVALID and changes nothing when the device has not what a rule names. */
  readonly rules: (desired: Readonly<Record<string, DesiredRule>>) => void;
  /** As it came, for its signature is over that. */
  readonly updates: (assignment: SignedAssignment | undefined) => void;
  readonly publish: (options: { everyNthReading: number | undefined; maxDelayMs: number | undefined }) => void;
  readonly contextRefreshMs: (ms: number | undefined) => void;
  readonly logLevel: (level: 'debug' | 'info' | 'warn' | 'error' | undefined) => void;
}

/** Unknown keys are kept and ignored. Throws DESIRED_INVALID with the first fault and its path. */
export const parseDesired = (desired: JsonObject): DesiredConfiguration => {
  const parsed = desiredConfigurationSchema.safeParse(desired);
  // A signature is over what was sent, not over what a schema made of it.
  const { updates } = desired as { readonly updates?: SignedAssignment };
  if (parsed.success) return updates === undefined ? parsed.data : { ...parsed.data, updates };
  const issue = parsed.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new AgentError(
    'DESIRED_INVALID',
    `The desired configuration is not valid at "${path}": ${issue?.message ?? ''}.`,
    {
      cause: parsed.error,
    },
  );
};

/** Takes effect at once, without a restart of anything; all of it, or nothing when it throws DESIRED_INVALID. */
export const applyDesired = (desired: DesiredConfiguration, targets: DesiredTargets): void => {
  targets.rules(desired.rules ?? {});
  for (const slot of targets.models()) {
    const wanted = desired.models?.[slot.model.name];
    slot.setThresholds(wanted?.thresholds ?? {});
    slot.setEnabled(wanted?.enabled ?? true);
    slot.setFallback?.(wanted?.fallback);
  }
  for (const sensor of targets.sensors()) {
    sensor.setEnabled(desired.sensors?.[sensor.status().name]?.enabled ?? true);
  }
  const { everyNthReading, maxDelayMs } = desired.publish ?? {};
  targets.publish({ everyNthReading, maxDelayMs });
  targets.updates(desired.updates);
  targets.contextRefreshMs(desired.contextRefreshMs);
  targets.logLevel(desired.logLevel);
};
