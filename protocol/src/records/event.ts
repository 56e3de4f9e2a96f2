/** An event: something that happened to the device itself, or that it concluded. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { instantSchema, sequenceSchema } from '../identifiers.ts';
import { namedValues } from './named-values.ts';

export const severitySchema = z.enum(['debug', 'info', 'warning', 'error', 'alarm']).meta({ id: 'Severity' });
export type Severity = z.infer<typeof severitySchema>;

/** Kinds this version knows; a newer agent may send others, which are stored as they are. */
export const EVENT_KINDS = {
  'agent.started': 'the agent process started',
  'agent.stopping': 'the agent is about to stop in good order',
  'model.activated': 'a model version began to serve',
  'model.unavailable': 'no engine can run the model; the device sends readings only',
  'model.calibrated': 'a model learnt the normal of this device',
  'model.update': 'an update of a model came into another state',
  'model.rolled-back': 'the previous model version serves again',
  'engine.changed': 'another engine took over',
  'engine.failed': 'an engine crashed, hung or ate its memory',
  'sensor.stopped': 'a sensor source went silent or ended',
  'sensor.recovered': 'a sensor source speaks again',
  'sensor.bad-rows': 'rows of a sensor source could not be read; counted by reason',
  'sensor.rate-mismatch': 'a sensor gives samples at another rate than it is expected to',
  'sensor.gap': 'samples of a sensor are missing',
  'sensor.stuck': 'a channel repeats one value for longer than it should',
  'sensor.out-of-range': 'a channel gives values that it cannot have',
  'rule.fired': 'the condition of a local rule came true and held',
  'rule.cleared': 'the condition of a local rule is over',
  'rule.action-failed': 'an action of a local rule could not be carried out',
  'records.dropped': 'the outbox evicted records; exact counts by class and reason',
  'outbox.quarantined': 'the outbox file was corrupt, was set aside, and a new epoch began',
  'windows.dropped': 'inference could not keep up and windows were given up',
  'prediction.alarm': 'a prediction crossed its threshold',
  'updates.hold': 'somebody on the machine holds updates, or lets them go on',
  'drift.detected': 'inputs or outputs moved away from the reference',
  'configuration.applied': 'a desired configuration took effect',
  'configuration.refused': 'a desired configuration was not valid',
} as const;
export type EventKind = keyof typeof EVENT_KINDS;

export const eventSchema = z
  .object({
    sequence: sequenceSchema,
    observedAt: instantSchema,
    kind: z.string().regex(/^[a-z][a-z0-9.-]{0,63}$/),
    severity: severitySchema,
    message: z.string().max(BOUNDS.stringChars),
    data: namedValues(z.union([z.number(), z.string().max(BOUNDS.stringChars), z.boolean(), z.null()]))
      .optional()
      .describe('Flat facts for machines: numbers, strings, booleans.'),
  })
  .meta({
    id: 'Event',
    examples: [
      {
        sequence: 3,
        observedAt: 1760000000123,
        kind: 'engine.changed',
        severity: 'warning',
        message: 'native-child failed its probe (SIGILL); wasm-child serves pump-anomaly 1.0.0.',
        data: { from: 'native-child', to: 'wasm-child' },
      },
    ],
  });
export type DeviceEvent = z.infer<typeof eventSchema>;
