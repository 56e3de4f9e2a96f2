/** Rows of system updates: images, targets, actions and what was reported of them. */

export interface SystemImageRow {
  /** Clients know it by this. */
  image_number: number;
  /** `name@version`. */
  image: string;
  name: string;
  version: string;
  file_name: string;
  length_bytes: number;
  /** Hex. Clients of hawkBit ask for all three. */
  sha256: string;
  sha1: string;
  md5: string;
  created_at: number;
  created_by: string;
}

export interface SystemTargetRow {
  target_id: string;
  registered_at: number;
  last_polled_at: number | null;
  address: string | null;
  /** JSON of what it says of itself. */
  attributes: string;
  /** 1: it is to say anew what it is, when it polls. */
  asks_attributes: number;
  installed_action: number | null;
  installed_image: string | null;
  newest_action: number | null;
  /** sha256 of its own token, hex. */
  token_hash: string | null;
}

export interface SystemActionRow {
  action_id: number;
  target_id: string;
  image: string;
  state: string;
  progress_done: number | null;
  progress_of: number | null;
  created_at: number;
  created_by: string;
  heard_at: number | null;
  /** Since when it owes the next report; null while it owes none. */
  quiet_since: number | null;
  finished_at: number | null;
  /** Written so far, also those that are not kept. */
  events: number;
  /** JSON `[Idempotency-Key, targetId, image]`; null when that had no key. */
  creation_request: string | null;
}

export interface SystemActionEventRow {
  action_id: number;
  number: number;
  at: number;
  what: string;
  /** JSON of texts. */
  messages: string;
}
