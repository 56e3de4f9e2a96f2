/** Rows of what Home Assistant was told: written before it is told, so that nothing it knows is ever forgotten here. */
import type { Connection, HomeAssistantDeviceRow } from '../../db/database.ts';

export class HomeAssistantStore {
  async all(db: Connection): Promise<HomeAssistantDeviceRow[]> {
    return db.selectFrom('home_assistant_devices').selectAll().orderBy('device_id').execute();
  }

  async put(db: Connection, row: HomeAssistantDeviceRow): Promise<void> {
    await db
      .insertInto('home_assistant_devices')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('device_id').doUpdateSet((set) => ({
          shown_values: set.ref('excluded.shown_values'),
          config: set.ref('excluded.config'),
          withdrawn_at: set.ref('excluded.withdrawn_at'),
        })),
      )
      .execute();
  }

  async remove(db: Connection, deviceId: string): Promise<void> {
    await db.deleteFrom('home_assistant_devices').where('device_id', '=', deviceId).execute();
  }
}
