/** The report of a run as one page: no script, nothing fetched, good to print. */
import type { ScoringRun } from '@shoal/protocol';
import { html, type Html, type HtmlValue } from '../../html.ts';
import { moment, reportDocument, seconds, shiftOf, table } from './page-parts.ts';
import { bar, distributionPlot, scatterPlot, shortNumber } from './plots.ts';
import type { ColumnReport, EdgeReport, FeatureReport, RunReport } from './report-content.ts';

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
  return reportDocument(
    title,
    html`Scoring run <code>${run.id}</code>`,
    html`${facts(run, before)}
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
                reasons.map(({ reason, rows, entity, detail }) => [html`<code>${reason}</code>`, entity, detail, rows]),
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
      </section>`,
  );
};
