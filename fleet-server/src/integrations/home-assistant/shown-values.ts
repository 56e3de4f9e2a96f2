/** The numbers of a device that are sensors in Home Assistant: channels of its readings and outputs of its predictions. */
import type { Prediction, Reading } from '@shoal/protocol';
import type { AppendedBatch } from '../../ports/message-bus.ts';

/** `of` is the sensor source of a reading, or the model of a prediction. */
export interface ShownValue {
  readonly kind: 'readings' | 'predictions';
  readonly of: string;
  readonly name: string;
}

/** Of one device at most: more than anybody looks at, and a message Home Assistant takes in without pain. */
export const VALUES_PER_DEVICE = 128;

export const keyOf = ({ kind, of, name }: ShownValue): string => JSON.stringify([kind, of, name]);

/** What the records of a batch carry, in the order in which it is met first. */
export const valuesIn = ({ kind, records }: AppendedBatch): ShownValue[] => {
  if (kind === 'events') return [];
  const found = new Map<string, ShownValue>();
  for (const record of records) {
    const isReading = kind === 'readings';
    const of = isReading ? (record as Reading).source : (record as Prediction).model.name;
    for (const name of Object.keys(isReading ? (record as Reading).values : (record as Prediction).outputs)) {
      const value: ShownValue = { kind, of, name };
      found.set(keyOf(value), value);
    }
  }
  return [...found.values()];
};
