/**
 * The TUF repository of this server. Whatever changes is signed anew in the order bins, targets, snapshot, timestamp and
 * committed in one transaction with what caused it: a kill leaves all of it or nothing.
 */
import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  binNames,
  binOf,
  keyIdOf,
  signBin,
  signSnapshot,
  signTimestamp,
  type CustomValue,
  type TargetEntry,
} from '@shoal/models/trust';
import {
  ControlDatabase,
  type Transaction,
  type TufFileRow,
  type TufRoleRow,
  type TufTargetRow,
} from '../db/database.ts';
import type { KeyRing } from './key-folder.ts';
import { Surroundings } from './surroundings.service.ts';
import { TufStore } from './tuf.store.ts';

const DAY_MS = 86_400_000;
/** How long what is signed online holds; half of it before it is signed anew. */
const LIFETIME_MS = { bins: 30 * DAY_MS, snapshot: 7 * DAY_MS, timestamp: DAY_MS } as const;
const RENEW_CHECK_MS = 600_000;
/** That superseded files can still be fetched. */
const KEPT_MS = 3_600_000;

interface Publication {
  readonly files: TufFileRow[];
  readonly superseded: string[];
  readonly roles: Map<string, TufRoleRow>;
  readonly changed: Set<string>;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const entryOf = ({ path, sha256, length_bytes: lengthBytes, custom }: TufTargetRow): TargetEntry => ({
  path,
  sha256,
  lengthBytes,
  ...(custom !== null && { custom: JSON.parse(custom) as Record<string, CustomValue> }),
});

@Injectable()
export class TufRepository {
  private readonly store = new TufStore();
  private readonly database: ControlDatabase;
  private readonly around: Surroundings;
  private ring: KeyRing | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(database: ControlDatabase, around: Surroundings) {
    this.database = database;
    this.around = around;
  }

  /** Publishes roots and targets that the folder of keys has and the repository has not, and every bin once. */
  async start(ring: KeyRing): Promise<void> {
    this.ring = ring;
    await this.renew();
    this.timer = setInterval(() => {
      this.renew().catch((err: unknown) => {
        this.around.metrics.count('tuf_renewals_failed_total');
        this.around.log.error({ err }, 'the metadata of the repository could not be signed anew');
      });
    }, RENEW_CHECK_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  file(name: string): Promise<string | undefined> {
    return this.store.file(this.database, name);
  }

  hashes(): Promise<Set<string>> {
    return this.store.hashes(this.database);
  }

  async target(path: string): Promise<TargetEntry | undefined> {
    const row = await this.store.target(this.database, path);
    return row === undefined ? undefined : entryOf(row);
  }

  /** Inside the transaction of what is released or removed. */
  async publish(
    transaction: Transaction,
    change: { readonly add?: readonly TargetEntry[]; readonly remove?: readonly string[] },
  ): Promise<void> {
    const { bits } = this.keys;
    const { add = [], remove = [] } = change;
    for (const { path, sha256, lengthBytes, custom } of add)
      await this.store.putTarget(transaction, {
        path,
        bin: binOf(path, bits),
        sha256,
        length_bytes: lengthBytes,
        custom: custom === undefined ? null : JSON.stringify(custom),
      });
    for (const path of remove) await this.store.removeTarget(transaction, path);
    const bins = new Set([...add.map(({ path }) => path), ...remove].map((path) => binOf(path, bits)));
    await this.sign(transaction, bins);
  }

  private get keys(): KeyRing {
    if (this.ring === undefined) throw new Error('the repository was not started');
    return this.ring;
  }

  /** Signs whatever is missing, past half of its life, or signed by a key that is no longer the one. */
  private async renew(): Promise<void> {
    await this.database.transaction().execute(async (transaction) => {
      const roles = await this.store.roles(transaction);
      const due = binNames(this.keys.bits).filter((bin) => this.isDue(roles.get(bin), 'bins'));
      await this.sign(transaction, new Set(due));
    });
    await this.store.trim(this.database, this.around.clock.now() - KEPT_MS);
    const { root, targetsExpireAt } = this.keys;
    const soonest = Math.min(root.expiresAt, targetsExpireAt) - this.around.clock.now();
    if (soonest < 30 * DAY_MS)
      this.around.log.error(
        { days: Math.floor(soonest / DAY_MS) },
        'root or targets expire soon and then no device is updated: run "shoal-server keys rotate"',
      );
  }

  private isDue(row: TufRoleRow | undefined, role: keyof typeof LIFETIME_MS): boolean {
    return (
      row === undefined ||
      row.key_id !== keyIdOf(this.keys.signers[role]) ||
      row.expires_at - this.around.clock.now() < LIFETIME_MS[role] / 2
    );
  }

  /** Bins first and the timestamp last; a snapshot or timestamp that nothing asks for is not signed. */
  private async sign(transaction: Transaction, bins: ReadonlySet<string>): Promise<void> {
    const roles = await this.store.roles(transaction);
    const work: Publication = { files: [], superseded: [], roles, changed: new Set() };
    await this.addRoots(transaction, work);
    for (const bin of bins) {
      const entries = (await this.store.targetsOf(transaction, bin)).map(entryOf);
      this.add(work, bin, 'bins', (signing) => signBin(signing, entries));
    }
    this.addTargets(work);
    if (work.changed.size > 0 || this.isDue(roles.get('snapshot'), 'snapshot'))
      this.add(work, 'snapshot', 'snapshot', (signing) => signSnapshot(signing, this.listed(roles)));
    const version = roles.get('snapshot')?.version ?? 1;
    if (work.changed.size === 0 && !this.isDue(roles.get('timestamp'), 'timestamp')) {
      await this.store.addFiles(transaction, work.files);
      return;
    }
    const timestamp = this.next(work, 'timestamp', 'timestamp');
    await this.store.addFiles(transaction, work.files);
    await this.store.supersede(transaction, work.superseded, this.around.clock.now());
    await this.store.putRoles(
      transaction,
      [...work.changed].flatMap((role) => roles.get(role) ?? []),
    );
    await this.store.putTimestamp(transaction, text(signTimestamp(timestamp, version)));
  }

  private listed(roles: ReadonlyMap<string, TufRoleRow>): Map<string, number> {
    const names = ['targets', ...binNames(this.keys.bits)];
    return new Map(names.map((role) => [role, roles.get(role)?.version ?? 1]));
  }

  private async addRoots(transaction: Transaction, { files }: Publication): Promise<void> {
    for (const [index, root] of this.keys.roots.entries()) {
      const file = `${index + 1}.root.json`;
      if ((await this.store.file(transaction, file)) === undefined)
        files.push({ file, content: text(root), superseded_at: null });
    }
  }

  private addTargets({ files, superseded, roles, changed }: Publication): void {
    const { targets, targetsVersion: version, targetsExpireAt } = this.keys;
    const before = roles.get('targets');
    if (before?.version === version) return;
    files.push({ file: `${version}.targets.json`, content: text(targets), superseded_at: null });
    if (before !== undefined) superseded.push(`${before.version}.targets.json`);
    roles.set('targets', { role: 'targets', version, expires_at: targetsExpireAt, key_id: '' });
    changed.add('targets');
  }

  private add(
    work: Publication,
    role: string,
    key: 'bins' | 'snapshot',
    sign: (signing: { version: number; expires: Date; signers: readonly KeyObject[] }) => Uint8Array,
  ): void {
    const before = work.roles.get(role);
    const signing = this.next(work, role, key);
    work.files.push({ file: `${signing.version}.${role}.json`, content: text(sign(signing)), superseded_at: null });
    if (before !== undefined) work.superseded.push(`${before.version}.${role}.json`);
  }

  private next({ roles, changed }: Publication, role: string, key: keyof typeof LIFETIME_MS) {
    const signer = this.keys.signers[key];
    const expiresAt = this.around.clock.now() + LIFETIME_MS[key];
    const version = (roles.get(role)?.version ?? 0) + 1;
    roles.set(role, { role, version, expires_at: expiresAt, key_id: keyIdOf(signer) });
    changed.add(role);
    return { version, expires: new Date(expiresAt), signers: [signer] };
  }
}
