/** The README of version 1.1.0: what it is, how it was chosen, figures, limits. */
import type { Made } from './build.ts';

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

export const modelCard = (made: Made): string => `# pump-anomaly 1.1.0

PLACEHOLDER ${percent(made.falseAlarms)} ${JSON.stringify(made.detected)}
`;
