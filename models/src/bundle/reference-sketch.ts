/** The distributions a model was trained on, to measure drift against: `reference.json`. */
import { z } from 'zod';
import { QuantileSketch } from '../sketch/quantiles.ts';

const sketchSchema = z.strictObject({
  sketch: z.base64(),
  count: z.int().min(0),
  min: z.number(),
  max: z.number(),
  sum: z.number(),
});

/** Sketches by feature name and by output name, over the training rows. */
export const referenceSchema = z.strictObject({
  features: z.record(z.string().min(1), sketchSchema),
  outputs: z.record(z.string().min(1), sketchSchema),
});
export type Reference = z.infer<typeof referenceSchema>;

/** Serialised sketches of columns of values. */
export const sketchColumns = (
  columns: Readonly<Record<string, Iterable<number>>>,
): Record<string, z.infer<typeof sketchSchema>> =>
  Object.fromEntries(
    Object.entries(columns).map(([name, values]) => {
      const sketch = new QuantileSketch();
      for (const value of values) sketch.add(value);
      return [name, sketch.serialize()];
    }),
  );
