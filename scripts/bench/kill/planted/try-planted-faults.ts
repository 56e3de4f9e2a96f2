/** Shows that the durability check can fail: a sound small server passes, two faulty ones are caught. */
import { siblingProgram } from '../processes/sibling-program.ts';
import { watchAcknowledgements, type WatchVerdict } from '../runs/watch-acknowledgements.ts';
import { seededRandom } from '../seeded-random.ts';
import { openPlantedRecords } from './planted-records.ts';
import type { PlantedFault } from './planted-server.ts';

/** A few seconds. */
export const watchPlanted = (fault: PlantedFault, seed: string): Promise<WatchVerdict> => {
  const { file, execArgv } = siblingProgram(import.meta.url, './planted-server');
  return watchAcknowledgements({
    command: (dataDir) => ({
      name: `planted server (${fault})`,
      file: process.execPath,
      args: [...execArgv, file, dataDir, fault],
    }),
    open: openPlantedRecords,
    load: { devices: 4, window: 2, thinkMs: 5, maxMessagesPerDevice: 60_000, bornAt: Date.now(), seed },
    messages: 200,
    lossPoints: 20,
    random: seededRandom(seed),
  });
};
