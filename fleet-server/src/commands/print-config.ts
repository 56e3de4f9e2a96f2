/** `--print-config`: the effective configuration as JSON. It holds no secrets: those are files, named by path. */
import type { ServerConfig } from '../config-schema.ts';

export const printConfig = (config: ServerConfig): void => {
  process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
};
