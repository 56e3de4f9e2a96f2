/** A ledger's findings as people read them. */
import Table from 'cli-table3';
import { agrees, type Findings } from './findings.ts';

/** A table of counts, and the examples below it. */
export const findingsReport = (title: string, findings: Findings): string => {
  const { examples, ...counts } = findings;
  const table = new Table({ style: { head: [], border: [], compact: true }, colAligns: ['left', 'right'] });
  for (const [name, count] of Object.entries(counts)) table.push([name, count]);
  const verdict = agrees(findings) ? 'The server holds exactly what was made.' : 'LEDGER AND SERVER DISAGREE:';
  return [title, table.toString(), verdict, ...examples.map((example) => `  ${example}`)].join('\n');
};
