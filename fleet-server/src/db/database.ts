/** The connection to `control.db` as Kysely sees it. */
import { Kysely, type Transaction as KyselyTransaction } from 'kysely';
import type { Tables } from './tables.ts';

export type * from './tables.ts';

/** The injection token of the control database; also the type of a connection to it. */
export class ControlDatabase extends Kysely<Tables> {}

/** The database itself or a transaction on it: what a store's method runs on. */
export type Connection = Kysely<Tables>;
export type Transaction = KyselyTransaction<Tables>;
