/** Rows as the API shows them. */
import type { SystemAction, SystemActionEvent, SystemImage, SystemTarget } from '@shoal/protocol';
import type { SystemActionEventRow, SystemActionRow, SystemImageRow, SystemTargetRow } from '../../db/database.ts';
import { shownState } from './action-state.ts';

export const imageView = (row: SystemImageRow): SystemImage => ({
  image: row.image,
  name: row.name,
  version: row.version,
  fileName: row.file_name,
  lengthBytes: row.length_bytes,
  sha256: row.sha256,
  createdAt: row.created_at,
  createdBy: row.created_by,
});

export const actionView = (row: SystemActionRow, heardBefore: number): SystemAction => ({
  actionId: row.action_id,
  targetId: row.target_id,
  image: row.image,
  state: shownState(row.state, row.quiet_since, heardBefore),
  progress:
    row.progress_done === null || row.progress_of === null ? null : { done: row.progress_done, of: row.progress_of },
  createdAt: row.created_at,
  createdBy: row.created_by,
  heardAt: row.heard_at,
  finishedAt: row.finished_at,
});

export const eventView = (row: SystemActionEventRow): SystemActionEvent => ({
  at: row.at,
  what: row.what,
  messages: JSON.parse(row.messages) as string[],
});

export const attributesOf = ({ attributes }: SystemTargetRow): Record<string, string> =>
  JSON.parse(attributes) as Record<string, string>;

export const targetView = (row: SystemTargetRow, action: SystemAction | null): SystemTarget => ({
  targetId: row.target_id,
  registeredAt: row.registered_at,
  lastPolledAt: row.last_polled_at,
  address: row.address,
  installed: row.installed_image,
  action,
  attributes: attributesOf(row),
  hasToken: row.token_hash !== null,
});
