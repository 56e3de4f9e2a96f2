/** Plots as inline SVG: no script, nothing fetched, readable on paper. Every one has its figures as text beside it. */
import { html, type Html } from '../../html.ts';
import type { EdgeScore, Samples } from './report-content.ts';

const WIDTH = 520;
const HEIGHT = 150;
const AXIS = 20;
const BINS = 40;
/** The rest on either side is in the outermost bins. */
const TAIL = 0.005;

/** Four significant digits. */
export const shortNumber = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
};

const quantile = (samples: Samples, share: number): number =>
  samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] ?? 0;

interface Range {
  readonly low: number;
  readonly high: number;
}

const rangeOf = (all: readonly Samples[]): Range => {
  const filled = all.filter((samples) => samples.length > 0);
  const low = Math.min(...filled.map((samples) => quantile(samples, TAIL)));
  const high = Math.max(...filled.map((samples) => quantile(samples, 1 - TAIL)));
  const margin = high > low ? 0.02 * (high - low) : 0.5 * Math.max(1, Math.abs(high));
  return { low: low - margin, high: high + margin };
};

/** Shares of the samples per bin. */
const binned = (samples: Samples, { low, high }: Range): number[] => {
  const shares = Array.from({ length: BINS }, () => 0);
  for (const value of samples) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * BINS)));
    shares[bin] = (shares[bin] ?? 0) + 1 / samples.length;
  }
  return shares;
};

const axis = ({ low, high }: Range): Html => {
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return html`<line class="axis" x1="0" y1="${HEIGHT}" x2="${WIDTH}" y2="${HEIGHT}" />${ticks.map((share) => {
      const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
      return html`<text x="${share * WIDTH}" y="${HEIGHT + 14}" text-anchor="${anchor}">
        ${shortNumber(low + share * (high - low))}
      </text>`;
    })}`;
};

/** Bars are now, the line is what it is held against. */
export const distributionPlot = (label: string, now: Samples, before: Samples): Html => {
  if (now.length === 0) return html`<p class="soft">There are no values.</p>`;
  const range = rangeOf([now, before]);
  const [bars, outline] = [binned(now, range), before.length === 0 ? [] : binned(before, range)];
  const most = Math.max(...bars, ...outline);
  const step = WIDTH / BINS;
  const heightOf = (share: number): number => Math.round((share / most) * (HEIGHT - 4) * 10) / 10;
  const points = outline.flatMap((share, bin) => {
    const y = HEIGHT - heightOf(share);
    return [`${bin * step},${y}`, `${(bin + 1) * step},${y}`];
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT + AXIS}" role="img" aria-label="${label}">
    ${bars.map((share, bin) => {
      const height = heightOf(share);
      return html`<rect
        class="now"
        x="${bin * step + 0.5}"
        y="${HEIGHT - height}"
        width="${step - 1}"
        height="${height}"
      />`;
    })}
    ${points.length > 0 && html`<polyline class="before" points="${points.join(' ')}" />`}${axis(range)}
  </svg>`;
};

const SCATTER = 300;

/** The edge to the right, the batch upwards; devices that raised an alarm are filled. */
export const scatterPlot = (label: string, scores: readonly EdgeScore[]): Html => {
  const sorted = (values: readonly number[]): Samples => values.toSorted((a, b) => a - b);
  const [x, y] = [
    rangeOf([sorted(scores.map(({ edge }) => edge))]),
    rangeOf([sorted(scores.map(({ batch }) => batch))]),
  ];
  const place = (value: number, { low, high }: Range): number => {
    const held = Math.min(high, Math.max(low, value));
    return Math.round(((held - low) / (high - low)) * SCATTER * 10) / 10;
  };
  return html`<svg class="square" viewBox="-4 -4 ${SCATTER + 8} ${SCATTER + AXIS + 8}" role="img" aria-label="${label}">
    <rect class="frame" x="0" y="0" width="${SCATTER}" height="${SCATTER}" />
    ${scores.map(
      ({ edge, batch, alarmed }) =>
        html`<circle
          class="${alarmed ? 'alarmed' : 'quiet'}"
          cx="${place(edge, x)}"
          cy="${SCATTER - place(batch, y)}"
          r="3"
        />`,
    )}
    <text x="0" y="${SCATTER + 16}">edge ${shortNumber(x.low)}</text>
    <text x="${SCATTER}" y="${SCATTER + 16}" text-anchor="end">${shortNumber(x.high)}</text>
    <text x="4" y="12">batch ${shortNumber(y.high)}</text>
    <text x="4" y="${SCATTER - 4}">${shortNumber(y.low)}</text>
  </svg>`;
};

/** A bar as long as its share of the longest. */
export const bar = (value: number, most: number): Html => {
  const width = most > 0 ? Math.round((100 * value) / most) : 0;
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="now" x="0" y="1" width="${width}" height="8" />
  </svg>`;
};
