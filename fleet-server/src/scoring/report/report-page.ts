/** The report of a run as one page: no script, nothing fetched, good to print. */
import { createHash } from 'node:crypto';
import type { ScoringRun } from '@shoal/protocol';
import { Html, html, type HtmlValue } from '../../html.ts';
import { bar, distributionPlot, scatterPlot, shortNumber } from './plots.ts';
import type { ColumnReport, EdgeReport, FeatureReport, RunReport } from './report-content.ts';

const STYLE = `
:root{color-scheme:light dark;--text:light-dark(#1b1f24,#e6e8eb);--soft:light-dark(#57606a,#9aa4af);--line:light-dark(#d5dae0,#333b44);
--back:light-dark(#fff,#14181d);--now:light-dark(#5b9bd5,#3f7fbb);--before:light-dark(#b3261e,#ff8a80);--bad:light-dark(#b3261e,#ff8a80)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1rem 0 .25rem}
.soft{color:var(--soft)}.bad{color:var(--bad);font-weight:600}
code{font:14px/1.45 ui-monospace,monospace}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}
svg{display:block;width:100%;max-width:40rem;margin:.3rem 0}svg.square{max-width:22rem}svg.bar{width:8rem;height:.7rem;margin:.4rem 0}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.now{fill:var(--now)}.before{fill:none;stroke:var(--before);stroke-width:1.5}.axis{stroke:var(--line)}.frame{fill:none;stroke:var(--line)}
.quiet{fill:none;stroke:var(--now);stroke-width:1.5}.alarmed{fill:var(--bad)}
.key{display:inline-block;width:.9rem;height:.7rem;background:var(--now)}.key.line{height:0;border-top:2px solid var(--before);background:none;vertical-align:middle}
section{break-inside:auto}h2,h3{break-after:avoid}svg,tr{break-inside:avoid}
@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:11pt}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
/** Written apart from the page: the hash covers every byte between the tags. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Sent with the page: its own style and nothing else. */
export const REPORT_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
});

/** By custom: below, stable; above, shifted. */
const [STABLE, SHIFTED] = [0.1, 0.25];

const moment = (at: number | null): string => (at === null ? '–' : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z'));

const seconds = (ms: number): string => `${shortNumber(ms / 1_000)} s`;

const shiftOf = (shift: number | undefined): HtmlValue => {
  if (shift === undefined) return 'too few to tell';
  const word = shift > SHIFTED ? 'shifted' : shift > STABLE ? 'moving' : 'stable';
  return html`<span class="${shift > SHIFTED ? 'bad' : ''}">${shift.toFixed(3)} ${word}</span>`;
};

const table = (heads: readonly string[], rows: readonly (readonly HtmlValue[])[], numbersFrom = 1): Html => {
  const kind = (column: number): string => (column >= numbersFrom ? 'number' : '');
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${heads.map((head, i) => html`<th class="${kind(i)}" scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, i) => html`<td class="${kind(i)}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
};

const middleOf = (samples: readonly number[]): string =>
  shortNumber(samples[Math.floor(samples.length / 2)] ?? Number.NaN);

const facts = (run: ScoringRun, before: ScoringRun | undefined): Html => {
  const { summary, startedAt, finishedAt, progress } = run;
  const tookMs = startedAt === null || finishedAt === null ? null : finishedAt - startedAt;
  const rows: readonly (readonly [string, HtmlValue])[] = [
    ['State', html`${run.state}${run.isPublished && ', the one that is read'}`],
    ['Model', `${run.model.name} ${run.model.version}`],
    ['As of', moment(run.asOf)],
    [
      'Rows',
      `${summary?.rows ?? progress.done - progress.quarantined} of ${summary?.expected ?? progress.expected ?? '?'}`,
    ],
    ['Set aside', String(summary?.quarantined ?? progress.quarantined)],
    ['Took', tookMs === null ? '–' : seconds(tookMs)],
    ['Taken up', `${run.attempts} ${run.attempts === 1 ? 'time' : 'times'}`],
    [
      'Held against',
      before === undefined ? 'nothing: the first that is kept' : `${before.id}, as of ${moment(before.asOf)}`,
    ],
  ];
  return html`<dl>
      ${rows.map(
        ([term, value]) =>
          html`<dt>${term}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
    ${run.error !== null && html`<p class="bad">${run.error.code}: ${run.error.message}</p>`}`;
};

const columnSection = ({ name, now, before, shift, changed }: ColumnReport): Html =>
  html`<h3>${name}</h3>
    ${distributionPlot(`Distribution of ${name}`, now, before)}
    <p class="soft">
      <span class="key"></span> this run, middle ${middleOf(now)}
      ${
        before.length > 0 &&
        html`&nbsp; <span class="key line"></span> the run before, middle ${middleOf(before)} &nbsp; stability index
          ${shiftOf(shift)}`
      }
    </p>
    ${
      changed.length > 0 &&
      html`<h3>Changed most: ${name}</h3>
        ${table(
          ['entity', 'before', 'now', 'difference'],
          changed.map((each) => [
            each.entity,
            shortNumber(each.before),
            shortNumber(each.now),
            shortNumber(each.now - each.before),
          ]),
        )}`
    }`;

const featureSection = (features: readonly FeatureReport[], sampled: number): Html => {
  const [first] = features;
  if (first === undefined)
    return html`<p class="soft">The model has no reference of its features, or looks at none.</p>`;
  return html`<p class="soft">${sampled} entities of the run against the rows the model was trained on.</p>
    ${table(
      ['feature', 'stability index', 'middle now', 'middle of the reference', 'missing'],
      features.map(({ name, shift, now, reference, missingShare }) => [
        name,
        shiftOf(shift),
        middleOf(now),
        middleOf(reference),
        `${shortNumber(100 * missingShare)} %`,
      ]),
    )}
    <h3>${first.name}</h3>
    ${distributionPlot(`Distribution of ${first.name}`, first.now, first.reference)}`;
};

const edgeSection = ({ column, scores, agreement, disagreeing }: EdgeReport): Html =>
  html`<h3>${column}</h3>
    ${scatterPlot(`Score of the edge against ${column}`, scores)}
    <p class="soft">
      ${scores.length} devices; filled: the device raised an alarm. Rank correlation:
      ${agreement === undefined ? 'too little to tell' : agreement.toFixed(2)}.
    </p>
    ${
      disagreeing.length > 0 &&
      table(
        ['disagree most', 'edge', 'alarm', column],
        disagreeing.map(({ entity, edge, alarmed, batch }) => [
          entity,
          shortNumber(edge),
          alarmed ? 'yes' : 'no',
          shortNumber(batch),
        ]),
      )
    }`;

export const reportPage = ({
  run,
  before,
  columns,
  features,
  sampled,
  edge,
  reasons,
  partitions,
}: RunReport): string => {
  const title = `${run.job}, ${moment(run.asOf)}`;
  const slowest = Math.max(0, ...partitions.map(({ spanMs }) => spanMs ?? 0));
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Shoal</title>
        <link rel="icon" href="data:," />
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p class="soft">Scoring run <code>${run.id}</code></p>
          ${facts(run, before)}
          <section>
            <h2>Scores</h2>
            ${columns.map(columnSection)}${columns.length === 0 && html`<p class="soft">The run has no summary yet.</p>`}
          </section>
          <section>
            <h2>Drift of features</h2>
            ${featureSection(features, sampled)}
          </section>
          <section>
            <h2>Edge and batch</h2>
            ${edge.map(edgeSection)}${
              edge.length === 0 &&
              html`<p class="soft">
                None of the entities looked at has a prediction of its own device on the day of the run.
              </p>`
            }
          </section>
          <section>
            <h2>Set aside</h2>
            ${
              reasons.length === 0
                ? html`<p class="soft">Nothing.</p>`
                : table(
                    ['reason', 'first', 'why', 'rows'],
                    reasons.map(({ reason, rows, entity, detail }) => [
                      html`<code>${reason}</code>`,
                      entity,
                      detail,
                      rows,
                    ]),
                    3,
                  )
            }
          </section>
          <section>
            <h2>Partitions</h2>
            ${table(
              ['partition', '', 'span', 'rows', 'set aside', 'chunks', 'taken up'],
              partitions.map(({ partNo, spanMs, rows, quarantined, chunks, attempts }) => [
                String(partNo),
                bar(spanMs ?? 0, slowest),
                spanMs === null ? '–' : seconds(spanMs),
                rows,
                quarantined,
                chunks,
                attempts,
              ]),
              2,
            )}
          </section>
        </main>
      </body>
    </html> `.text;
};
