/** What the live table of a running fleet shows: the server's view of every device beside the simulation's own counters. */
import { fleetSummarySchema, storedPredictionPageSchema, type FleetSummary } from '@shoal/protocol';
import Table from 'cli-table3';
import { z } from 'zod';

/** One simulated device, as the simulation sees it. */
export interface FleetMember {
  readonly deviceId: string;
  readonly kind: 'full' | 'light';
  readonly link: () => string;
  /** Record messages, or records for full agents, sent so far. */
  readonly sent: () => number;
  readonly outbox: () => number;
}

interface MemberRow {
  readonly deviceId: string;
  readonly kind: string;
  /** The server's word for it; `?` while the server does not answer. */
  readonly state: string;
  readonly link: string;
  readonly sent: number;
  readonly outbox: number;
  readonly score: string;
}

export interface FleetView {
  readonly rows: readonly MemberRow[];
  readonly summary: FleetSummary | undefined;
}

const deviceStatesSchema = z.object({ items: z.array(z.object({ deviceId: z.string(), state: z.string() })) });
const PATIENCE_MS = 1_500;

/** Undefined when the server is down, frozen or says something else: the table goes on without. */
const ask = async <T>(url: string, schema: z.ZodType<T>): Promise<T | undefined> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return schema.safeParse(await response.json()).data;
  } catch {
    return undefined;
  }
};

const lastScore = async (httpUrl: string, deviceId: string): Promise<string> => {
  const url = `${httpUrl}/api/devices/${deviceId}/predictions?order=desc&limit=1`;
  const prediction = (await ask(url, storedPredictionPageSchema))?.items[0];
  const score = prediction?.outputs['score'];
  if (score === undefined) return 'after a minute';
  const mark = prediction?.threshold !== undefined && score > prediction.threshold ? ' !' : '';
  return `${score.toFixed(2)}${mark}`;
};

export const viewFleet = async (httpUrl: string, members: readonly FleetMember[]): Promise<FleetView> => {
  const [devices, summary] = await Promise.all([
    ask(`${httpUrl}/api/devices?limit=1000`, deviceStatesSchema),
    ask(`${httpUrl}/api/overview`, fleetSummarySchema),
  ]);
  const states = new Map(devices?.items.map(({ deviceId, state }) => [deviceId, state]));
  const rows = members.map(async (member): Promise<MemberRow> => {
    const { deviceId, kind, link, sent, outbox } = member;
    const score = kind === 'full' && devices !== undefined ? await lastScore(httpUrl, deviceId) : '';
    const state = states.get(deviceId) ?? '?';
    return { deviceId, kind, state, link: link(), sent: sent(), outbox: outbox(), score };
  });
  return { rows: await Promise.all(rows), summary };
};

/** One line: for logs, and below the table. */
export const summaryLine = ({ rows, summary }: FleetView): string => {
  const waiting = rows.reduce((sum, { outbox }) => sum + outbox, 0);
  const sent = rows.reduce((sum, row) => sum + row.sent, 0);
  const own = `sent ${sent}, waiting ${waiting}`;
  if (summary === undefined) return `${rows.length} devices: the server does not answer; ${own}`;
  const states = Object.entries(summary.devices.byState).filter(([, count]) => count > 0);
  const counted = states.map(([state, count]) => `${count} ${state}`).join(', ');
  const { records, predictions } = summary.rates;
  return `${rows.length} devices: ${counted}; ${records.toFixed(1)} records/s, ${predictions.toFixed(2)} predictions/s; ${own}`;
};

/** As many rows as fit; full agents come first. */
export const fleetTable = (view: FleetView, most: number): string => {
  const table = new Table({
    head: ['device', 'kind', 'state', 'link', 'sent', 'outbox', 'last score'],
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const row of view.rows.slice(0, most)) {
    table.push([row.deviceId, row.kind, row.state, row.link, row.sent, row.outbox, row.score]);
  }
  const hidden = view.rows.length - most;
  const more = hidden > 0 ? `\n… and ${hidden} more: GET /api/devices` : '';
  return `${table.toString()}${more}\n${summaryLine(view)}`;
};
