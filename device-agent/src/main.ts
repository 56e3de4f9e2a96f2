#!/usr/bin/env node
/** The command line of the agent: 0 well, 1 failed, 2 used wrongly. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
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
      else await (await import('./commands/run.ts')).runAgent(config, { exitWhenFinished: exitWhenFinished === true });
    },
  );

program
  .command('status')
  .description('ask a running agent how it is')
  .option('-c, --config <file>', 'JSON configuration, for the address of its local API', DEFAULT_CONFIG)
  .option('--url <url>', 'address of the local API, instead of the one in the configuration')
  .option('--json', 'as one JSON object')
  .action(async ({ config: file, url, json }: SharedOptions & { url?: string; json?: true }) => {
    const { describeStatus, fetchStatus, localUrlOf } = await import('./commands/status.ts');
    const status = await fetchStatus(url ?? localUrlOf(await loadAgentConfig(file, process.env)));
    print(json === true ? JSON.stringify(status) : describeStatus(status));
  });

interface LocalOptions extends SharedOptions {
  readonly url?: string;
  readonly json?: true;
}

const localUrl = async ({ config: file, url }: LocalOptions): Promise<string> =>
  url ?? (await import('./commands/status.ts')).localUrlOf(await loadAgentConfig(file, process.env));

/** Options of every command that asks a running agent. */
const asks = (command: Command): Command =>
  command
    .option('-c, --config <file>', 'JSON configuration, for the address of its local API', DEFAULT_CONFIG)
    .option('--url <url>', 'address of the local API, instead of the one in the configuration')
    .option('--json', 'as one JSON object');

const updates = asks(program.command('updates'))
  .description('show the updates of a running agent, and whether somebody holds them')
  .action(async (options: LocalOptions) => {
    const { describeUpdates, fetchUpdates } = await import('./commands/updates.ts');
    const view = await fetchUpdates(await localUrl(options));
    print(options.json === true ? JSON.stringify(view) : describeUpdates(view));
  });

asks(updates.command('hold'))
  .description('"not now": nothing of an update begins that would disturb this machine, until it ends by itself')
  .option('--for <duration>', 'as 90s, 30m, 2h or 1d; an hour without it, and never longer than updates.maxHoldMs')
  .option('--reason <text>', 'for whoever looks at the fleet')
  .action(async (_: LocalOptions, command: Command) => {
    const options = command.optsWithGlobals<LocalOptions & { for?: string; reason?: string }>();
    const { describeHold, durationMs, holdUpdates } = await import('./commands/updates.ts');
    const hold = await holdUpdates(await localUrl(options), {
      ...(options.for !== undefined && { forMs: durationMs(options.for) }),
      ...(options.reason !== undefined && { reason: options.reason }),
    });
    print(options.json === true ? JSON.stringify({ hold }) : describeHold(hold));
  });

asks(updates.command('release'))
  .description('let updates go on')
  .action(async (_: LocalOptions, command: Command) => {
    const options = command.optsWithGlobals<LocalOptions>();
    const { describeHold, releaseUpdates } = await import('./commands/updates.ts');
    await releaseUpdates(await localUrl(options));
    print(options.json === true ? JSON.stringify({ hold: null }) : describeHold(null));
  });

program
  .command('doctor')
  .description('look for what is wrong with this machine, and say what to do; exit code 1 when something is')
  .option('-c, --config <file>', 'JSON configuration', DEFAULT_CONFIG)
  .option('--json', 'as one JSON object')
  .action(async ({ config: file, json }: SharedOptions & { json?: true }) => {
    const { describeDoctor, doctorReport } = await import('./commands/doctor.ts');
    const report = await doctorReport(await loadAgentConfig(file, process.env));
    print(json === true ? JSON.stringify(report) : describeDoctor(report));
    if (report.verdict === 'fail') process.exitCode = FAILED;
  });

program
  .command('bench')
  .description('run the models on this machine, on each engine, and say how fast')
  .option('-c, --config <file>', 'JSON configuration; without models in it, the catalogue is run', DEFAULT_CONFIG)
  .option('--seconds <number>', 'for each model and engine', '3')
  .option('--json', 'as one JSON object')
  .action(async ({ config: file, seconds, json }: SharedOptions & { seconds: string; json?: true }) => {
    const { benchReport, describeBench } = await import('./commands/bench.ts');
    const duration = Number(seconds);
    if (!(duration > 0 && duration <= 3_600)) throw new InvalidArgumentError('--seconds takes a number up to 3600.');
    const progress = (what: string): void => void process.stderr.write(`${what} …\n`);
    const report = await benchReport(await loadAgentConfig(file, process.env), duration, progress);
    print(json === true ? JSON.stringify(report) : describeBench(report));
    if (report.models.some(({ problem }) => problem !== null)) process.exitCode = FAILED;
  });

program
  .command('selftest')
  .description('put the models of this device through the test that an update must pass; exit code 1 when one fails')
  .option('-c, --config <file>', 'JSON configuration', DEFAULT_CONFIG)
  .option('--json', 'as one JSON object')
  .action(async ({ config: file, json }: SharedOptions & { json?: true }) => {
    const { describeSelfTest, selfTestReport } = await import('./commands/selftest.ts');
    const rows = await selfTestReport(await loadAgentConfig(file, process.env));
    print(json === true ? JSON.stringify({ models: rows }) : describeSelfTest(rows));
    if (rows.some(({ problem }) => problem !== null)) process.exitCode = FAILED;
  });

program
  .command('diag')
  .description(
    'write one file for whoever helps: versions, configuration without secrets, doctor, status; no measurements',
  )
  .option('-c, --config <file>', 'JSON configuration', DEFAULT_CONFIG)
  .option('-o, --out <folder>', 'where the file goes', '.')
  .action(async ({ config: file, out }: SharedOptions & { out: string }) => {
    const { writeDiagnostics } = await import('./commands/diag.ts');
    const written = await writeDiagnostics(await loadAgentConfig(file, process.env), out);
    print(
      `${written.file}\n  holds ${written.contents.join(', ')}; no secrets, no measurements, readable by you alone`,
    );
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
  process.exitCode = 0;
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) die(error);
  process.exitCode = exitCodeOf(error);
}
