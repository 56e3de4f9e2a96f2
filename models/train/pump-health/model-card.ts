/** The README of pump-health. */
import type { HealthFigures } from './build.ts';
import { LONGEST_DAYS, THRESHOLD } from './health-graph.ts';

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** As the formatter of the repository lays tables out. */
const tableOf = (rows: readonly (readonly [what: string, figure: string])[]): string => {
  const [left, right] = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map(([what, figure]) => `| ${what.padEnd(left ?? 0)} | ${figure.padEnd(right ?? 0)} |`);
  const rule = `| ${'-'.repeat(left ?? 0)} | ${'-'.repeat(right ?? 0)} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
};

export const modelCard = ({
  pumps,
  healthError,
  daysWithin,
  falseAlarms,
}: HealthFigures): string => `# pump-health 1.0.0

What a fleet is scored with every night. From the mean of five channels over a pump's last day (\`pump-day\`, \`pump-week\`) and over its last week it says

- \`health\`: 1 as new, 0 worn out;
- \`daysToThreshold\`: days until the health falls to ${THRESHOLD} if it goes on as in the last week; at most ${LONGEST_DAYS}, which also means that there is no trend.

A small network (5-14-8-1, tanh) turns the five means into wear. The same network looks at the day and at the week; what lies between
is what grew between their middles, and that is the rate. How much of the week there is, it takes from the counts of readings. Worn out is a loop that has lost a third of its flow by
clogging, vibration more than twice its normal, or a tenth of the head lost to cavitation.

Made by \`train/pump-health\` from a seed, on simulated pumps of one type (sisters differ by 2 %, rooms by some degrees, instruments as in
pump-condition). No recorded data went into any file of the bundle.

## Figures

${pumps} simulated pumps that training did not see, with one to seven days of data, wear of 1 % to 8 % a day or none:

${tableOf([
  ['', ''],
  ['mean absolute error of the health', healthError.toFixed(3)],
  ...daysWithin.map(
    ({ leastDays, pumps: count, share }) =>
      [
        `due in 30 days, at least ${leastDays} days of data (${count} pumps): days right to a third or to 3`,
        percent(share),
      ] as const,
  ),
  ['pumps without wear that are given fewer than 30 days', percent(falseAlarms)],
])}

## Limits

- **Simulated pumps only.** Wear here is a straight line; of real pumps it is not. There are no recordings of pumps over weeks with known wear that could say how far off it is. Treat the days as an order
  in which to look at pumps, not as a promise.
- One type of pump. Another type needs its own training.
- On its first day a pump has a health and no trend. A trend slower than about 1 % a day is below its noise.
- A leak shows in no mean until the tank is empty: pump-condition sees it, this does not.
- A repair looks like a trend that ended: the days are right again when the repair is a week old.
- A pump without readings for a day has no row: the run sets it aside with the reason.

## Licence

Apache-2.0, weights and code.
`;
