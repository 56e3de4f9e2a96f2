/** The `shoal` command as a value: nouns and verbs, and what one run of it ends with. */
import { Command, CommanderError } from 'commander';
import type { Surroundings } from './command-context.ts';
import { addAdvise } from './advise.ts';
import { addAlert } from './alert.ts';
import { addBatch } from './batch.ts';
import { addDelivery } from './delivery.ts';
import { addDevice } from './device.ts';
import { CliError, EXIT, type ExitCode } from './errors.ts';
import { addFeature } from './feature.ts';
import { addHistory } from './history.ts';
import { addModel } from './model.ts';
import { whole } from './moments.ts';
import { addOverview } from './overview.ts';
import { addPrediction } from './prediction.ts';
import { addRollout } from './rollout.ts';
import { addStream } from './stream.ts';
import { addSubscribe } from './subscribe.ts';
import { addSystem } from './system.ts';
import { harmless } from './terminal.ts';

const EXIT_CODES = 'Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 timeout.';

/** Subcommands take over how their parent ends and writes. */
const programOf = (surroundings: Surroundings): Command => {
  const program = new Command('shoal')
    .description('Look at a Shoal fleet and change it. Data goes to stdout, talk to stderr.')
    .option('--json', 'print JSON')
    .option('--server <url>', 'fleet server (SHOAL_SERVER; http://127.0.0.1:8080)')
    .option('--mqtt <url>', 'MQTT broker (SHOAL_MQTT; mqtt://127.0.0.1:1883)')
    .option('--timeout <ms>', 'longest wait for an answer of the server', whole(1, 600_000), 10_000)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
    });
  addOverview(program, surroundings);
  addDevice(program, surroundings);
  addFeature(program, surroundings);
  addStream(program, surroundings);
  addPrediction(program, surroundings);
  addModel(program, surroundings);
  addRollout(program, surroundings);
  addSystem(program, surroundings);
  addBatch(program, surroundings);
  addAlert(program, surroundings);
  addDelivery(program, surroundings);
  addHistory(program, surroundings);
  addSubscribe(program, surroundings);
  addAdvise(program, surroundings);
  return program;
};

const report = (surroundings: Surroundings, error: unknown): ExitCode => {
  // Commander has said what is wrong, or printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = error instanceof CliError;
  const text = known ? `${error.code}: ${error.message}` : String(error instanceof Error ? error.stack : error);
  surroundings.stderr.write(`${known ? harmless(text) : text}\n`);
  return known ? error.exitCode : EXIT.failed;
};

/** `words` without the program's own name. Never throws: the exit code says how it went. */
export const runShoal = async (words: readonly string[], surroundings: Surroundings): Promise<ExitCode> => {
  try {
    await programOf(surroundings).parseAsync([...words], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return report(surroundings, error);
  }
};
