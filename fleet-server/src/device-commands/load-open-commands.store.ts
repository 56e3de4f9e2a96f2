/** Finds the open commands when the server starts: those that expired meanwhile are due at the first tick. */
import type { Connection } from '../db/database.ts';
import { DeviceCommandsStore } from './device-commands.store.ts';
import { OpenCommands } from './open-commands.ts';

const PAGE = 500;

export const loadOpenCommands = async (db: Connection): Promise<OpenCommands> => {
  const store = new DeviceCommandsStore();
  const open = new OpenCommands();
  let afterId = '';
  for (;;) {
    const rows = await store.open(db, afterId, PAGE);
    for (const row of rows) {
      open.add({ commandId: row.command_id, deviceId: row.device_id, expiresAt: row.expires_at });
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return open;
    afterId = last.command_id;
  }
};
