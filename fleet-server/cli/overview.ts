/** `shoal overview`: the fleet at a glance, and what needs a person first. */
import { attentionSchema, fleetSummarySchema, type Attention, type FleetSummary } from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type Surroundings } from './command-context.ts';
import { ageText } from './moments.ts';
import { factsOf, tableOf } from './table.ts';
import type { Terminal } from './terminal.ts';

const perSecond = (rate: number): string => `${rate.toFixed(rate < 10 ? 1 : 0)}/s`;
const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || '-';

const glance = (terminal: Terminal, summary: FleetSummary): string => {
  const { devices, rates, totals, storage } = summary;
  const size = `${(storage.sizeBytes / 1_048_576).toFixed(1)} MiB`;
  return factsOf(terminal, [
    ['devices', `${devices.total}: ${counts(devices.byState)}`],
    ['connections', summary.connections],
    ['records', `${perSecond(rates.records)}, ${totals.records} in all, ${totals.duplicates} redelivered`],
    ['predictions', `${perSecond(rates.predictions)}, by source: ${counts(summary.predictionSources)}`],
    ['dead letters', `${perSecond(rates.deadLetters)}, ${totals.deadLetters} in all`],
    ['dropped', `${totals.droppedOnDevices} on devices`],
    ['models', summary.models.map((it) => `${it.name} ${it.version} on ${it.devices}`).join(', ') || null],
    ['storage', `${storage.state}, ${size}${storage.why === null ? '' : `: ${storage.why}`}`],
  ]);
};

const worries = (terminal: Terminal, { reasons }: Attention, now: number): string =>
  tableOf(
    terminal,
    ['SEVERITY', 'DEVICES', 'SINCE', 'WHAT', 'REMEDY'],
    reasons.map((reason) => [
      reason.severity,
      `${reason.devices}${reason.examples.length > 0 ? ` (${reason.examples.slice(0, 2).join(', ')}${reason.devices > 2 ? ' …' : ''})` : ''}`,
      ageText(reason.since, now),
      reason.sentence,
      reason.remedy,
    ]),
    {
      paint: (column, text) =>
        column === 'SEVERITY' ? terminal.paint(text === 'error' ? 'red' : 'yellow', text) : text,
    },
  );

export const addOverview = (program: Command, surroundings: Surroundings): void => {
  program
    .command('overview')
    .description('the fleet at a glance, and what needs attention')
    .action(async (_: object, command: Command) => {
      const { api, terminal, json, now } = contextOf(surroundings, command);
      const [summary, attention] = await Promise.all([
        api.call({ path: '/api/overview', answer: fleetSummarySchema }),
        api.call({ path: '/api/overview/attention', answer: attentionSchema }),
      ]);
      if (json) {
        terminal.json({ summary, attention });
        return;
      }
      terminal.data(glance(terminal, summary));
      if (attention.reasons.length === 0) terminal.talk('Nothing needs attention.');
      else terminal.data(`\n${worries(terminal, attention, now())}`);
    });
};
