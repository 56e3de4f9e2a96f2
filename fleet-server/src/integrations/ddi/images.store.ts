/** Rows of images, and numbers that are never given twice. */
import type { SystemImageQuery } from '@shoal/protocol';
import type { Connection, SystemImageRow, Transaction } from '../../db/database.ts';

export class ImagesStore {
  /** A client may remember a number longer than its row lives here. */
  async nextNumber(transaction: Transaction, kind: 'image' | 'action'): Promise<number> {
    const row = await transaction
      .insertInto('system_numbers')
      .values({ kind, last: 1 })
      .onConflict((conflict) =>
        conflict.column('kind').doUpdateSet((set) => ({ last: set('system_numbers.last', '+', 1) })),
      )
      .returning('last')
      .executeTakeFirstOrThrow();
    return Number(row.last);
  }

  async find(db: Connection, image: string): Promise<SystemImageRow | undefined> {
    return db.selectFrom('system_images').selectAll().where('image', '=', image).executeTakeFirst();
  }

  async ofNumber(db: Connection, imageNumber: number): Promise<SystemImageRow | undefined> {
    return db.selectFrom('system_images').selectAll().where('image_number', '=', imageNumber).executeTakeFirst();
  }

  async ofContent(db: Connection, sha256: string): Promise<SystemImageRow | undefined> {
    return db.selectFrom('system_images').selectAll().where('sha256', '=', sha256).executeTakeFirst();
  }

  async contents(db: Connection): Promise<Set<string>> {
    const rows = await db.selectFrom('system_images').select('sha256').execute();
    return new Set(rows.map(({ sha256 }) => sha256));
  }

  async count(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('system_images')
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async add(transaction: Transaction, row: SystemImageRow): Promise<void> {
    await transaction.insertInto('system_images').values(row).execute();
  }

  async remove(transaction: Transaction, image: string): Promise<void> {
    await transaction.deleteFrom('system_images').where('image', '=', image).execute();
  }

  /** The newest first, those before a number. */
  async page(
    db: Connection,
    { name }: Partial<SystemImageQuery>,
    before: number,
    limit: number,
  ): Promise<SystemImageRow[]> {
    let query = db.selectFrom('system_images').selectAll().where('image_number', '<', before);
    if (name !== undefined) query = query.where('name', '=', name);
    return query.orderBy('image_number', 'desc').limit(limit).execute();
  }
}
