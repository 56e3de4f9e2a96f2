/** How lists of system updates look as CSV. */
import {
  systemActionSchema,
  systemImageSchema,
  systemTargetSchema,
  type SystemAction,
  type SystemImage,
  type SystemTarget,
} from '@shoal/protocol';
import type { Listing } from '../../listing/list-answer.ts';

export const SYSTEM_IMAGES: Listing<SystemImage> = {
  name: 'system-images',
  item: systemImageSchema,
  columns: [
    { name: 'image', value: ({ image }) => image },
    { name: 'fileName', value: ({ fileName }) => fileName },
    { name: 'lengthBytes', value: ({ lengthBytes }) => lengthBytes },
    { name: 'sha256', value: ({ sha256 }) => sha256 },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'createdBy', value: ({ createdBy }) => createdBy },
  ],
};

export const SYSTEM_TARGETS: Listing<SystemTarget> = {
  name: 'system-targets',
  item: systemTargetSchema,
  columns: [
    { name: 'targetId', value: ({ targetId }) => targetId },
    { name: 'registeredAt', value: ({ registeredAt }) => registeredAt },
    { name: 'lastPolledAt', value: ({ lastPolledAt }) => lastPolledAt },
    { name: 'address', value: ({ address }) => address },
    { name: 'installed', value: ({ installed }) => installed },
    { name: 'actionId', value: ({ action }) => action?.actionId },
    { name: 'image', value: ({ action }) => action?.image },
    { name: 'state', value: ({ action }) => action?.state },
    { name: 'attributes', value: ({ attributes }) => JSON.stringify(attributes) },
    { name: 'hasToken', value: ({ hasToken }) => hasToken },
  ],
};

export const SYSTEM_ACTIONS: Listing<SystemAction> = {
  name: 'system-actions',
  item: systemActionSchema,
  columns: [
    { name: 'actionId', value: ({ actionId }) => actionId },
    { name: 'targetId', value: ({ targetId }) => targetId },
    { name: 'image', value: ({ image }) => image },
    { name: 'state', value: ({ state }) => state },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'createdBy', value: ({ createdBy }) => createdBy },
    { name: 'heardAt', value: ({ heardAt }) => heardAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
  ],
};
