/** The report of a backtest as one page: no script, nothing fetched, good to print. */
import type { Backtest, BacktestFigures, BacktestSide } from '@shoal/protocol';
import { html, type Html, type HtmlValue } from '../../html.ts';
import type { BacktestPlot } from '../../ports/backtest-runner.ts';
import { moment, reportDocument, seconds, shiftOf, table } from '../../scoring/report/page-parts.ts';
import { distributionPlot, shortNumber } from '../../scoring/report/plots.ts';
import { dailyPlot } from './daily-plot.ts';

export interface BacktestReport {
  readonly backtest: Backtest;
  readonly plots: readonly BacktestPlot[];
}

const percent = (share: number | null): string =>
  share === null ? 'nothing to tell' : `${(100 * share).toFixed(2)} %`;

const key = (base: string, candidate: string): Html =>
  html`<span class="key"></span> candidate ${candidate} &nbsp; <span class="key line"></span> base ${base}`;

const facts = (rows: readonly (readonly [string, HtmlValue])[]): Html =>
  html`<dl>
    ${rows.map(
      ([term, value]) =>
        html`<dt>${term}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;

const factsOf = ({ state, candidate, champion, from, to, startedAt, finishedAt, attempts, figures, error }: Backtest) =>
  html`${facts([
    ['State', state],
    ['Candidate', html`${candidate.version} <code>${candidate.digest.slice(0, 12)}</code>`],
    ['Base', html`${champion.version} <code>${champion.digest.slice(0, 12)}</code>`],
    ['Span', `${moment(from)} to ${moment(to)}`],
    ['Held side by side', figures === null ? '–' : `${figures.rows} verdicts of ${figures.entities} entities`],
    ['Agreement', figures === null ? '–' : percent(figures.agreement)],
    ['Took', startedAt === null || finishedAt === null ? '–' : seconds(finishedAt - startedAt)],
    ['Begun', `${attempts} ${attempts === 1 ? 'time' : 'times'}`],
  ])}
  ${error !== null && html`<p class="bad">${error.code}: ${error.message}</p>`}`;

const shiftSection = ({ shift, champion, candidate }: BacktestFigures, plots: readonly BacktestPlot[]): Html =>
  html`${shift.length === 0 && html`<p class="soft">There is no output that both have values of.</p>`}${plots.map(
    (plot) => {
      const psi = shift.find(({ output }) => output === plot.output)?.psi ?? undefined;
      return html`<h3>${plot.output}</h3>
        ${distributionPlot(`Distribution of ${plot.output}`, plot.candidate, plot.champion)}
        <p class="soft">${key(champion.version, candidate.version)} &nbsp; stability index ${shiftOf(psi)}</p>`;
    },
  )}`;

/** The same row for both sides. */
const sideRows = (base: BacktestSide, candidate: BacktestSide): readonly (readonly HtmlValue[])[] => {
  const row = (what: string, of: (side: BacktestSide) => HtmlValue): readonly HtmlValue[] => [
    what,
    of(base),
    of(candidate),
  ];
  const codes = [...new Set([base, candidate].flatMap(({ unanswered }) => Object.keys(unanswered)))].sort();
  return [
    row('verdicts', ({ scored }) => scored),
    row('windows the normal was learnt from', ({ calibrating }) => calibrating),
    row('devices without a normal', ({ uncalibrated }) => uncalibrated),
    row('windows with too few samples', ({ incomplete }) => incomplete),
    ...codes.map((code) => row(`not answered: ${code}`, ({ unanswered }) => unanswered[code] ?? 0)),
    row('alarms', ({ alarms }) => alarms),
    row('engine, µs per row', ({ usPerRow }) => (usPerRow === null ? '–' : shortNumber(usPerRow))),
    row('engine, all rows', ({ engineMs }) => seconds(engineMs)),
  ];
};

const incidentRows = (base: BacktestSide, candidate: BacktestSide): readonly (readonly HtmlValue[])[] => {
  const row = (what: string, of: (side: NonNullable<BacktestSide['incidents']>) => HtmlValue) => [
    what,
    ...[base, candidate].map(({ incidents }) => (incidents === null ? '–' : of(incidents))),
  ];
  return [
    row('incidents found', ({ found }) => found),
    row('incidents missed', ({ missed }) => missed),
    row('false alarms', ({ falseAlarms }) => falseAlarms),
    row('median delay', ({ medianDelayS }) => (medianDelayS === null ? '–' : `${shortNumber(medianDelayS)} s`)),
  ];
};

const figuresSections = (figures: BacktestFigures, plots: readonly BacktestPlot[]): Html => {
  const { champion, candidate, alarms, incidents, daily, worst, unpaired } = figures;
  const heads = ['', `base ${champion.version}`, `candidate ${candidate.version}`];
  return html`<section>
      <h2>Agreement</h2>
      ${dailyPlot(
        'Share of verdicts that agree, by day',
        daily.map(({ day, rows, agreed }) => ({ day, candidate: rows === 0 ? 0 : agreed / rows })),
        1,
      )}
      <p class="soft">
        Share of verdicts on which both say the same, by day; the full height is all of them. ${unpaired} verdicts of
        the base had none of the candidate beside them.
      </p>
    </section>
    <section>
      <h2>Scores</h2>
      ${shiftSection(figures, plots)}
    </section>
    <section>
      <h2>Alarms</h2>
      ${dailyPlot(
        'Alarms by day',
        daily.map(({ day, championAlarms, candidateAlarms }) => ({
          day,
          candidate: candidateAlarms,
          champion: championAlarms,
        })),
      )}
      <p class="soft">${key(champion.version, candidate.version)}</p>
      ${facts([
        ['Of the base, and of the candidate', alarms.shared],
        ['Only of the candidate', alarms.extra],
        ['Only of the base', alarms.missed],
      ])}
      ${
        incidents !== null &&
        html`<h3>Against labels</h3>
          <p class="soft">${incidents.covered} of ${incidents.given} incidents lie where there are verdicts.</p>
          ${table(heads, incidentRows(champion, candidate))}`
      }
    </section>
    <section>
      <h2>Both models</h2>
      ${table(heads, sideRows(champion, candidate))}
    </section>
    <section>
      <h2>Where they disagree</h2>
      ${
        worst.length === 0
          ? html`<p class="soft">Nowhere.</p>`
          : table(
              ['entity', 'verdicts', 'disagree', 'extra alarms', 'missed alarms'],
              worst.map(({ entity, rows, agreed, extra, missed }) => [entity, rows, rows - agreed, extra, missed]),
            )
      }
    </section>`;
};

export const backtestPage = ({ backtest, plots }: BacktestReport): string => {
  const { model, candidate, champion, figures, backtestId } = backtest;
  const title = `Backtest of ${model} ${candidate.version} against ${champion.version}`;
  return reportDocument(
    title,
    html`Backtest <code>${backtestId}</code>`,
    html`${factsOf(backtest)}
    ${figures === null ? html`<p class="soft">There are no figures yet.</p>` : figuresSections(figures, plots)}`,
  );
};
