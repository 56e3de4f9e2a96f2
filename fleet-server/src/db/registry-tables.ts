/** Rows of the registry of models: releases, aliases and the metadata that vouches for them. */

export interface ModelReleaseRow {
  name: string;
  version: string;
  release_counter: number;
  /** sha256 of the manifest, hex. */
  digest: string;
  /** sha256 of the packed bundle, hex. */
  sha256: string;
  length_bytes: number;
  target: string;
  /** JSON of a `BundleManifest`. */
  manifest: string;
  card: string | null;
  signed_by: string | null;
  source: string;
  created_at: number;
  created_by: string;
}

export interface ModelAliasRow {
  name: string;
  alias: string;
  version: string;
  revision: number;
  updated_at: number;
}

export interface TufFileRow {
  /** As it is fetched, for example `3.snapshot.json`. */
  file: string;
  /** Signed metadata, byte for byte. */
  content: string;
  /** Since when another file is the current one of its role; null for the current one and for roots. */
  superseded_at: number | null;
}

export interface TufRoleRow {
  role: string;
  version: number;
  expires_at: number;
  /** Of the key that signed the current version. */
  key_id: string;
}

export interface TufTargetRow {
  path: string;
  bin: string;
  sha256: string;
  length_bytes: number;
  /** JSON; null when there is none. */
  custom: string | null;
}
