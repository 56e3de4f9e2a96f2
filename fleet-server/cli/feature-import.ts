/** `shoal feature import`: a CSV file in parts, with its progress and what was refused. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { featureImportSchema, rejectedRowPageSchema, type FeatureImport, type RejectedRow } from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { viewName } from './feature-names.ts';
import { factsOf, tableOf } from './table.ts';

/** A part ends with the first row that ends after so many characters: small enough to arrive in any patience. */
const PART_CHARACTERS = 500_000;
const BAR_WIDTH = 30;
const REJECTED_SHOWN = 20;

interface Part {
  readonly text: string;
  /** Lines of the file before the first row of this part, without the header. */
  readonly linesBefore: number;
  readonly sizeBytes: number;
}

// Rows are never cut: a line break inside quotes belongs to its row. Every part begins with the header.
async function* partsOf(file: string): AsyncGenerator<Part> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let header: string | undefined;
  let [text, sizeBytes, count, linesBefore, isQuoted] = ['', 0, 0, 0, false];
  for await (const line of lines) {
    sizeBytes += Buffer.byteLength(line, 'utf8') + 1;
    if (header === undefined) {
      header = line.replace(/^\ufeff/, '');
      continue;
    }
    text += `${line}\n`;
    count += 1;
    if ((line.split('"').length - 1) % 2 === 1) isQuoted = !isQuoted;
    if (isQuoted || text.length < PART_CHARACTERS) continue;
    yield { text: `${header}\n${text}`, linesBefore, sizeBytes };
    linesBefore += count;
    [text, sizeBytes, count] = ['', 0, 0];
  }
  if (header !== undefined && (count > 0 || linesBefore === 0))
    yield { text: `${header}\n${text}`, linesBefore, sizeBytes };
}

const bar = (share: number): string => {
  const filled = Math.round(Math.min(1, share) * BAR_WIDTH);
  return `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)} ${Math.round(Math.min(1, share) * 100)} %`;
};

interface Totals {
  rows: number;
  stored: number;
  unchanged: number;
  rejected: number;
  readonly reasons: Record<string, number>;
  readonly imports: string[];
  isWhole: boolean;
  readonly examples: RejectedRow[];
}

const add = (totals: Totals, done: FeatureImport): void => {
  totals.rows += done.rows;
  totals.stored += done.stored;
  totals.unchanged += done.unchanged;
  totals.rejected += done.rejected;
  for (const [reason, count] of Object.entries(done.reasons))
    totals.reasons[reason] = (totals.reasons[reason] ?? 0) + count;
  totals.imports.push(done.importId);
  if (done.state !== 'completed') totals.isWhole = false;
};

const importFile = async (context: CommandContext, view: string, file: string): Promise<void> => {
  const { api, terminal, now } = context;
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) throw cliError('USAGE_INVALID', `${file} cannot be read.`);
  const { size } = await handle.stat();
  await handle.close();
  const id = createHash('sha256').update(`${file}/${view}/${now()}`).digest('hex').slice(0, 16);
  const totals: Totals = {
    rows: 0,
    stored: 0,
    unchanged: 0,
    rejected: 0,
    reasons: {},
    imports: [],
    isWhole: true,
    examples: [],
  };
  let sent = 0;
  for await (const { text, linesBefore, sizeBytes } of partsOf(file)) {
    const key = `${id}-${totals.imports.length + 1}`;
    const done = await api.call({
      method: 'POST',
      path: `/api/features/${view}/import`,
      raw: { type: 'text/csv', text },
      headers: { 'idempotency-key': key },
      answer: featureImportSchema,
    });
    add(totals, done);
    const wanted = REJECTED_SHOWN - totals.examples.length;
    if (done.rejected > 0 && wanted > 0) {
      const path = `/api/feature-imports/${done.importId}/rejected`;
      const { items } = await api.list({ path, answer: rejectedRowPageSchema }, wanted);
      totals.examples.push(...items.map((row) => ({ ...row, line: row.line + linesBefore })));
    }
    sent += sizeBytes;
    terminal.progress(`${bar(size === 0 ? 1 : sent / size)}  ${totals.rows} rows, ${totals.rejected} rejected`);
  }
  terminal.progress('');
  report(context, totals);
};

const report = ({ terminal, json }: CommandContext, totals: Totals): void => {
  const { rows, stored, unchanged, rejected, reasons, imports, examples, isWhole } = totals;
  if (json) terminal.json(totals);
  else {
    terminal.data(
      factsOf(terminal, [
        ['rows', rows],
        ['stored', stored],
        ['unchanged', unchanged],
        ['rejected', rejected],
        [
          'reasons',
          Object.entries(reasons)
            .map(([reason, count]) => `${reason} ${count}`)
            .join(', ') || null,
        ],
        ['imports', imports.join(' ')],
      ]),
    );
    const lines = examples.map((row) => [row.line, row.reason, row.detail]);
    if (lines.length > 0) terminal.data(`\n${tableOf(terminal, ['LINE', 'REASON', 'DETAIL'], lines)}`);
  }
  if (!isWhole)
    throw cliError('IMPORT_INCOMPLETE', 'The file was not read to its end; correct it and import it again.');
  if (rejected > 0)
    throw cliError('IMPORT_ROWS_REJECTED', `${rejected} of ${rows} rows were refused; the others are stored.`);
};

/** `import` below `feature`. */
export const addFeatureImport = (feature: Command, surroundings: Surroundings): void => {
  feature
    .command('import')
    .argument('<view>', 'view', viewName)
    .argument('<file>', 'CSV file: entity, optionally eventAt, and features of the view')
    .description(
      'import values; rows that are refused are listed, the others stored; the same file twice changes nothing',
    )
    .action((view: string, file: string, _: object, command: Command) =>
      importFile(contextOf(surroundings, command), view, file),
    );
};
