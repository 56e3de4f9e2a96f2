/** Who and what: device ids, record keys and instants, as they appear on the wire. */
import { z } from 'zod';
import { DEVICE_ID, REQUEST_ID } from './identifier-patterns.ts';

export { isDeviceId, isRequestId } from './identifier-patterns.ts';

/** The certificate's identity, the MQTT client id and a topic level. */
export const deviceIdSchema = z
  .string()
  .regex(DEVICE_ID, 'a device id is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'DeviceId', examples: ['pump-07'] });

/** 80 random bits in lower-case hex, made together with the outbox file. A new outbox is a new epoch. */
export const epochSchema = z
  .string()
  .regex(/^[0-9a-f]{20}$/, 'an epoch is 20 lower-case hex digits')
  .meta({ id: 'Epoch', examples: ['9f86d081884c7d659a2f'] });

/** Monotone within an epoch, starting at 1, counted apart from the rows so that eviction leaves holes and never repeats. */
export const sequenceSchema = z.int().min(1).meta({ id: 'Sequence' });

/** Milliseconds since the Unix epoch, UTC. */
export const instantSchema = z
  .int()
  .min(0)
  .max(8_640_000_000_000_000)
  .meta({ id: 'Instant', examples: [1760000000123] });

/** Chosen by whoever asks; echoed by whoever answers. */
export const requestIdSchema = z
  .string()
  .regex(REQUEST_ID, 'a request id is 1-64 characters of A-Z, a-z, 0-9, "_" and "-"')
  .meta({ id: 'RequestId', examples: ['r-00017'] });

/** The identity of one record for ever: redelivery of the same key changes nothing. */
export interface RecordKey {
  readonly deviceId: string;
  readonly epoch: string;
  readonly sequence: number;
}
