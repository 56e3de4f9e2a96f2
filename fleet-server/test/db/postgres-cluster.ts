/** A PostgreSQL of the test's own: a fresh cluster in a temporary folder, reachable through a Unix socket only. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool, types } from 'pg';
import { int8AsNumber, isInt8 } from '../../src/db/dialects.ts';
import { until } from '../running-server.ts';

export const INSTALL_POSTGRES = 'apt-get install -y postgresql';

const DEBIAN_ROOT = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root. */
const UNPRIVILEGED_USER = 'postgres';

/** Folder of the newest installed server programs, or undefined. */
export const findPostgres = (): string | undefined => {
  const versions = existsSync(DEBIAN_ROOT) ? readdirSync(DEBIAN_ROOT) : [];
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0];
  const bin = newest === undefined ? undefined : join(DEBIAN_ROOT, newest, 'bin');
  return bin !== undefined && existsSync(join(bin, 'initdb')) ? bin : undefined;
};

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const unprivileged = (): Account | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, UNPRIVILEGED_USER], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

export class PostgresCluster {
  private readonly folder: string;
  private readonly server: ChildProcess;
  private constructor(folder: string, server: ChildProcess) {
    this.folder = folder;
    this.server = server;
  }

  static async start(bin: string): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-pg-'));
    const account = unprivileged();
    if (account) chownSync(folder, account.uid, account.gid);
    const data = join(folder, 'data');
    const options = { ...account, cwd: folder, stdio: 'ignore' } as const;
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'shoal', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options);
    const server = spawn(join(bin, 'postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses='], options);
    const cluster = new PostgresCluster(folder, server);
    await until(() => existsSync(join(folder, '.s.PGSQL.5432')));
    await until(() => cluster.accepts());
    return cluster;
  }

  /** A pool on a database of its own. */
  async freshPool(name: string): Promise<Pool> {
    const admin = this.pool('postgres');
    await admin.query(`create database ${name}`);
    await admin.end();
    return this.pool(name);
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.server.once('exit', resolve));
    // Smart shutdown: a pool says it has ended while its clients still leave, and who is cut off then has nobody to tell.
    this.server.kill('SIGTERM');
    await exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private pool(database: string): Pool {
    return new Pool({
      host: this.folder,
      database,
      user: 'shoal',
      max: 4,
      types: { getTypeParser: (oid, format) => (isInt8(oid) ? int8AsNumber : types.getTypeParser(oid, format)) },
    });
  }

  private async accepts(): Promise<boolean> {
    const pool = this.pool('postgres');
    try {
      await pool.query('select 1');
      return true;
    } catch {
      return false;
    } finally {
      await pool.end();
    }
  }
}
