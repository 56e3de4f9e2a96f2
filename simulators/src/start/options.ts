/** The command line of `npm start`. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SimulatorError } from '../errors.ts';
import { faultNameSchema, FAULT_NAMES, type FaultName } from '../rough-weather.ts';

export const HELP = `npm start [-- OPTIONS]

A fleet server and simulated pumps on this machine. Ctrl-C stops everything.

  --devices N            pumps in all (default 25)
  --full N               of these, full agents with an inference engine (default 3); the others are light
  --faults LIST          what goes wrong, comma-separated: ${FAULT_NAMES.join(', ')}
  --scenario FILE        a scenario of simulators/scenarios/ or your own, instead of the three above
  --duration S           stop after S seconds, compare every record with the server, exit 1 when one differs
  --seed TEXT            another seed, other faults (default 1)

  --night                simulated days in seconds instead, with a scoring run each night; ends by itself
  --nights N             so many nights (default 10)

  --replay DIR|FILE      one full agent per CSV file instead of simulated pumps; --full N of them at a time (default 16)
  --speed N              multiple of the recorded speed (default 1)
  --exit-after-replay    end when every record is stored, with the ledger's table; exit 1 when it disagrees
  --json                 the ledger as one JSON object on the last line of stdout

  --data-dir DIR         where server and agents keep their files (default .shoal; a replay: a temporary folder)
  --fresh                empty that folder first
  --mqtt-port N          default 1883; 0 = any free port, also the default with --exit-after-replay
  --http-port N          default 8080; 0 as above
  --help
`;

const OPTIONS = {
  devices: { type: 'string' },
  full: { type: 'string' },
  faults: { type: 'string' },
  scenario: { type: 'string' },
  duration: { type: 'string' },
  seed: { type: 'string' },
  night: { type: 'boolean' },
  nights: { type: 'string' },
  replay: { type: 'string' },
  speed: { type: 'string' },
  'exit-after-replay': { type: 'boolean' },
  json: { type: 'boolean' },
  'data-dir': { type: 'string' },
  fresh: { type: 'boolean' },
  'mqtt-port': { type: 'string' },
  'http-port': { type: 'string' },
  help: { type: 'boolean' },
} as const;

const port = z.coerce.number().int().min(0).max(65_535).optional();

const faultsSchema = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((name) => name !== ''))
  .pipe(z.array(faultNameSchema))
  .transform((names): ReadonlySet<FaultName> => new Set(names));

const optionsSchema = z.object({
  devices: z.coerce.number().int().min(1).max(20_000).optional(),
  full: z.coerce.number().int().min(0).max(64).optional(),
  faults: faultsSchema,
  scenario: z.string().min(1).optional(),
  duration: z.coerce.number().positive().optional(),
  seed: z.string().default('1'),
  night: z.boolean().default(false),
  nights: z.coerce.number().int().min(1).max(90).default(10),
  replay: z.string().min(1).optional(),
  speed: z.coerce.number().positive().max(1e9).default(1),
  'exit-after-replay': z.boolean().default(false),
  json: z.boolean().default(false),
  'data-dir': z.string().min(1).optional(),
  fresh: z.boolean().default(false),
  'mqtt-port': port,
  'http-port': port,
  help: z.boolean().default(false),
});
export type StartOptions = z.infer<typeof optionsSchema>;

const invalid = (what: string, cause?: unknown): SimulatorError =>
  new SimulatorError('OPTION_INVALID', `${what} See npm start -- --help.`, { cause });

/** @throws SimulatorError OPTION_INVALID with every fault */
export const readOptions = (argv: readonly string[]): StartOptions => {
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }));
  } catch (cause) {
    throw invalid(cause instanceof Error ? `${cause.message}.` : String(cause), cause);
  }
  const parsed = optionsSchema.safeParse(values);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `--${path[0]?.toString()}: ${message}`);
    throw invalid(`${faults.join('; ')}.`, parsed.error);
  }
  return parsed.data;
};
