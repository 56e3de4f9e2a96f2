/** `shoal advise`: which deployment pattern fits a need, and why. */
import { adviceSchema, type Advice } from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type Surroundings } from './command-context.ts';
import { whole } from './moments.ts';
import { factsOf, tableOf } from './table.ts';
import type { Terminal } from './terminal.ts';

interface AdviseOptions {
  readonly stream?: boolean;
  readonly offline?: boolean;
  readonly latency: number;
  readonly model?: string;
  readonly hardware?: string;
}

const LONGEST_MS = 2_592_000_000;

const ms = (value: number | null): string | null => (value === null ? null : `${Number(value.toPrecision(3))} ms`);

const print = (terminal: Terminal, advice: Advice): void => {
  const { pattern, reasons, patterns, measured, deployment } = advice;
  terminal.data(factsOf(terminal, [['advice', pattern]]));
  terminal.data(
    `\n${tableOf(
      terminal,
      ['QUESTION', 'ANSWER', 'BECAUSE'],
      reasons.map(({ question, answer, because }) => [question, answer, because]),
    )}`,
  );
  terminal.data(
    `\n${tableOf(
      terminal,
      ['PATTERN', 'FITS', 'P95', 'BECAUSE'],
      patterns.map((it) => [it.pattern, it.fits ? 'yes' : 'no', ms(it.expectedP95Ms), it.because]),
    )}`,
  );
  const rows = measured.inference.map((it) => [
    `${it.model} ${it.version}`,
    it.hardwareClass,
    it.ranAt,
    ms(it.latencyMs.p50),
    ms(it.latencyMs.p95),
    it.latencyMs.samples,
  ]);
  if (rows.length > 0)
    terminal.data(`\n${tableOf(terminal, ['MODEL', 'HARDWARE', 'RAN AT', 'P50', 'P95', 'SAMPLES'], rows)}`);
  terminal.data(`\n${deployment.description}`);
  if (!deployment.served) terminal.talk('This version of the server does not serve that pattern yet.');
  for (const command of deployment.commands) terminal.data(`  ${command}`);
};

export const addAdvise = (program: Command, surroundings: Surroundings): void => {
  program
    .command('advise')
    .option('--stream', 'data flows without end and the answer is about the flow')
    .option('--latency <ms>', 'how soon an answer must be there', whole(1, LONGEST_MS), 1_000)
    .option('--offline', 'answers are needed while there is no network')
    .option('--model <name>', 'only what was measured of this model counts')
    .option('--hardware <class>', 'only what was measured on such devices counts')
    .description('which deployment pattern fits: edge, real-time, streaming or batch')
    .action(async (options: AdviseOptions, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const query = {
        stream: options.stream === true ? 'true' : undefined,
        offline: options.offline === true ? 'true' : undefined,
        latencyMs: options.latency,
        model: options.model,
        hardwareClass: options.hardware,
      };
      const advice = await api.call({ path: '/api/advise', query, answer: adviceSchema });
      if (json) terminal.json(advice);
      else print(terminal, advice);
    });
};
