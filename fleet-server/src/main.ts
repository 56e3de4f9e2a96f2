/** The `shoal-server` program: `run`, `keys`, and `--print-config` to see what it would run with. */
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { addKeys } from './commands/keys.ts';
import { printConfig } from './commands/print-config.ts';
import { run } from './commands/run.ts';
import { loadConfig } from './config.ts';
import { FleetError } from './errors.ts';

interface RunOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly mqttPort?: string;
  readonly httpPort?: string;
  readonly printConfig?: boolean;
}

// The young generation that this program was started with is for this thread: as a flag it would overrule what each worker is given.
setFlagsFromString('--max-semi-space-size=0');

const program = new Command('shoal-server').description('The Shoal fleet server.');

program
  .command('run', { isDefault: true })
  .description('start the server; prints one JSON line on stdout when it accepts devices')
  .option('--config <file>', 'JSON configuration file')
  .option('--data-dir <dir>', 'folder of the databases')
  .option('--mqtt-port <port>', 'TCP port for devices, 0 for any free one')
  .option('--http-port <port>', 'TCP port of the HTTP API, 0 for any free one')
  .option('--print-config', 'print the effective configuration and exit')
  .action(async (options: RunOptions) => {
    const { config: file, printConfig: only, ...flags } = options;
    const config = loadConfig({ file, environment: process.env, flags });
    if (only === true) printConfig(config);
    else await run(config);
  });

addKeys(program, process.env);

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof FleetError;
  process.stderr.write(
    `${known ? `${error.code}: ${error.message}` : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
}
