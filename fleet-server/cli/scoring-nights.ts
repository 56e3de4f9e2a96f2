/** `shoal batch schedule | report`: when a job is due and what was decided, and what came of a run. */
import { writeFileSync } from 'node:fs';
import { scoringScheduleStateSchema } from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type Surroundings } from './command-context.ts';
import { instantText } from './moments.ts';
import { jobName, runId } from './scoring-run.ts';
import { tableOf } from './table.ts';

export const addNights = (batch: Command, surroundings: Surroundings): void => {
  batch
    .command('schedule')
    .argument('<job>', 'job', jobName)
    .description('when a job is due next, and what was decided lately')
    .action(async (job: string, _: object, command: Command) => {
      const { api, terminal, json } = contextOf(surroundings, command);
      const state = await api.call({ path: `/api/scoring/jobs/${job}/schedule`, answer: scoringScheduleStateSchema });
      if (json) return terminal.json(state);
      if (state.schedule === null) return terminal.talk(`${job} has no schedule: it runs when it is told to.`);
      const next = state.next.map(({ dueAt, beginsAt }) => [instantText(dueAt), instantText(beginsAt), 'next', null]);
      const recent = state.recent.map(({ dueAt, beginsAt, action, reason, runId: run }) => [
        instantText(dueAt),
        instantText(beginsAt),
        action,
        reason ?? run,
      ]);
      return terminal.data(tableOf(terminal, ['DUE', 'BEGINS', 'DECIDED', 'RUN'], [...next.toReversed(), ...recent]));
    });
  batch
    .command('report')
    .argument('<run>', 'run', runId)
    .option('--out <file>', 'write the page there; by default to standard output')
    .description('the report of a run: a page with plots, good to print')
    .action(async (id: string, { out }: { out?: string }, command: Command) => {
      const { api, terminal } = contextOf(surroundings, command);
      const page = await api.text(`/api/scoring/runs/${id}/report`);
      if (out === undefined) return terminal.data(page);
      writeFileSync(out, page);
      return terminal.talk(`The report is in ${out}.`);
    });
};
