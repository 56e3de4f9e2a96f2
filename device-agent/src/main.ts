#!/usr/bin/env node
/** The command line of the agent: 0 well, 1 failed, 2 used wrongly. */
import { Command, CommanderError } from 'commander';
import { describeStatus, fetchStatus, localUrlOf } from './commands/status.ts';
import { runAgent } from './commands/run.ts';
import { loadAgentConfig } from './config.ts';
import { isAgentError, sentenceOf } from './errors.ts';
import { AGENT_VERSION } from './version.ts';

const FAILED = 1;
const MISUSED = 2;
const DEFAULT_CONFIG = 'agent.json';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface SharedOptions {
  readonly config: string;
}

const program = new Command('shoal-agent')
  .description('Runs models beside sensors, keeps what cannot be sent, and publishes over MQTT.')
  .version(AGENT_VERSION)
  .exitOverride();

program
  .command('run')
  .description('run the agent until SIGTERM or SIGINT')
  .option('-c, --config <file>', 'JSON configuration', DEFAULT_CONFIG)
  .option('--print-config', 'print the configuration in force and end')
  .option('--exit-when-finished', 'end once every sensor source has ended and the server has every record')
  .action(
    async ({
      config: file,
      printConfig,
      exitWhenFinished,
    }: SharedOptions & { printConfig?: true; exitWhenFinished?: true }) => {
      const config = await loadAgentConfig(file, process.env);
      if (printConfig === true) print(JSON.stringify(config, null, 2));
      else await runAgent(config, { exitWhenFinished: exitWhenFinished === true });
    },
  );

program
  .command('status')
  .description('ask a running agent how it is')
  .option('-c, --config <file>', 'JSON configuration, for the address of its local API', DEFAULT_CONFIG)
  .option('--url <url>', 'address of the local API, instead of the one in the configuration')
  .option('--json', 'as one JSON object')
  .action(async ({ config: file, url, json }: SharedOptions & { url?: string; json?: true }) => {
    const status = await fetchStatus(url ?? localUrlOf(await loadAgentConfig(file, process.env)));
    print(json === true ? JSON.stringify(status) : describeStatus(status));
  });

/** Wrong use and wrong configuration are the caller's to mend. */
const exitCodeOf = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  return isAgentError(error) && error.code.startsWith('CONFIG_') ? MISUSED : FAILED;
};

const die = (error: unknown): void => {
  const code = isAgentError(error) ? error.code : 'UNEXPECTED';
  process.stderr.write(
    `${JSON.stringify({ level: 60, time: Date.now(), code, msg: sentenceOf(error), stack: error instanceof Error ? error.stack : undefined })}\n`,
  );
};

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    die(error);
    process.exit(FAILED);
  });
}

try {
  await program.parseAsync();
  process.exitCode = 0;
} catch (error) {
  if (!(error instanceof CommanderError)) die(error);
  process.exitCode = exitCodeOf(error);
}
