/** The ordered vector over one or more entity views that a bundle pins: another definition refuses to load. */
import { createHash } from 'node:crypto';
import { featureNameSchema, viewNameSchema, type EntityView } from '@shoal/protocol/wire';
import { z } from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { ModelError } from '../errors.ts';
import { entityViewHash } from './entity-view.ts';

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

const shapeSchema = z.strictObject({
  views: z
    .array(z.strictObject({ name: viewNameSchema, hash: hashSchema }))
    .min(1)
    .max(16),
  /** In the order of the vector. */
  features: z
    .array(z.strictObject({ view: viewNameSchema, feature: featureNameSchema }))
    .min(1)
    .max(1_024),
});
type VectorShape = z.infer<typeof shapeSchema>;

/** `view:feature`, which is unique in a vector. */
export const vectorName = ({ view, feature }: VectorShape['features'][number]): string => `${view}:${feature}`;

/** Lower-case hex sha256 over the canonical JSON of views and order. */
export const entityVectorHash = ({ views, features }: VectorShape): string =>
  createHash('sha256').update(canonicalJson({ views, features }), 'utf8').digest('hex');

export const entityVectorSchema = shapeSchema
  .extend({ hash: hashSchema })
  .refine((vector) => vector.hash === entityVectorHash(vector), {
    message: 'is not the hash of the vector',
    path: ['hash'],
  })
  .refine(({ views, features }) => features.every(({ view }) => views.some(({ name }) => name === view)), {
    message: 'a feature is of a view that is not pinned',
    path: ['features'],
  })
  .refine(({ features }) => new Set(features.map(vectorName)).size === features.length, {
    message: 'a feature is named twice',
    path: ['features'],
  });
export type EntityVector = z.infer<typeof entityVectorSchema>;

/** Pins whole views, their features one after the other. */
export const pinEntityViews = (views: readonly EntityView[]): EntityVector => {
  const shape = {
    views: views.map((view) => ({ name: view.name, hash: entityViewHash(view) })),
    features: views.flatMap((view) => view.features.map(({ name }) => ({ view: view.name, feature: name }))),
  };
  return { ...shape, hash: entityVectorHash(shape) };
};

/**
 * The views a vector pins, in its order; `find` gives the version with that hash, or whatever has that name.
 * Throws ENTITY_VIEW_MISMATCH when a view is not there, has another hash, or lacks a feature.
 */
export const pinnedViews = (
  vector: EntityVector,
  find: (name: string, hash: string) => EntityView | undefined,
): readonly EntityView[] =>
  vector.views.map(({ name, hash }) => {
    const view = find(name, hash);
    const found = view === undefined ? 'is not defined here' : `has the hash ${entityViewHash(view)} here`;
    if (view === undefined || entityViewHash(view) !== hash)
      throw new ModelError('ENTITY_VIEW_MISMATCH', `The vector pins view ${name} at ${hash}, which ${found}`);
    const unknown = vector.features.find(
      (pinned) => pinned.view === name && !view.features.some((feature) => feature.name === pinned.feature),
    );
    if (unknown !== undefined)
      throw new ModelError(
        'ENTITY_VIEW_MISMATCH',
        `The vector pins ${vectorName(unknown)}, which view ${name} has not`,
      );
    return view;
  });
