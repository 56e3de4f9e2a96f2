/** Days beside each other as inline SVG: bars are the candidate, the line is the base. */
import { html, type Html } from '../../html.ts';

const [WIDTH, HEIGHT, AXIS] = [520, 110, 20];

export interface DayValue {
  readonly day: number;
  readonly candidate: number;
  /** Undefined: there is nothing to hold it against. */
  readonly champion?: number;
}

const dateOf = (day: number): string => new Date(day).toISOString().slice(0, 10);

/** `most`: what the full height stands for; at least the greatest value when absent. Ascending days. */
export const dailyPlot = (label: string, days: readonly DayValue[], most?: number): Html => {
  if (days.length === 0) return html`<p class="soft">There are no days.</p>`;
  const highest = most ?? Math.max(1, ...days.flatMap(({ candidate, champion = 0 }) => [candidate, champion]));
  const step = WIDTH / days.length;
  const heightOf = (value: number): number => Math.round((value / highest) * (HEIGHT - 4) * 10) / 10;
  const points = days.flatMap(({ champion }, i) => {
    if (champion === undefined) return [];
    const y = HEIGHT - heightOf(champion);
    return [`${i * step},${y}`, `${(i + 1) * step},${y}`];
  });
  const [first, last] = [days[0]?.day ?? 0, days.at(-1)?.day ?? 0];
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT + AXIS}" role="img" aria-label="${label}">
    ${days.map(({ candidate }, i) => {
      const height = heightOf(candidate);
      return html`<rect
        class="now"
        x="${i * step + 0.5}"
        y="${HEIGHT - height}"
        width="${Math.max(0.5, step - 1)}"
        height="${height}"
      />`;
    })}
    ${points.length > 0 && html`<polyline class="before" points="${points.join(' ')}" />`}
    <line class="axis" x1="0" y1="${HEIGHT}" x2="${WIDTH}" y2="${HEIGHT}" />
    <text x="0" y="${HEIGHT + 14}">${dateOf(first)}</text>
    <text x="${WIDTH}" y="${HEIGHT + 14}" text-anchor="end">${dateOf(last)}</text>
  </svg>`;
};
