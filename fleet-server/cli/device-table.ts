/** Devices as rows, once or for as long as somebody watches. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Device } from '@shoal/protocol';
import type { CommandContext } from './command-context.ts';
import { CliError } from './errors.ts';
import { ageText } from './moments.ts';
import { tableOf, type Cell } from './table.ts';
import type { Colour, Terminal } from './terminal.ts';

export const DEVICE_HEADS = ['DEVICE', 'STATE', 'SINCE', 'SEEN', 'OUTBOX', 'TWIN', 'MODELS', 'WHY'] as const;

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  online: 'green',
  degraded: 'yellow',
  updating: 'cyan',
  offline: 'red',
  quarantined: 'red',
};

/** Colours the STATE column. */
export const paintState =
  (terminal: Terminal) =>
  (column: string, text: string): string =>
    column === 'STATE' ? terminal.paint(STATE_COLOURS[text] ?? 'gray', text) : text;

/** TWIN is the version, with what is applied when that lags. */
export const deviceRow = (device: Device, now: number): Cell[] => [
  device.deviceId,
  device.state,
  ageText(device.since, now),
  ageText(device.lastSeenAt, now),
  device.outboxDepth,
  device.appliedTwinVersion < device.twinVersion
    ? `${device.appliedTwinVersion} of ${device.twinVersion}`
    : device.twinVersion,
  device.models.map(({ name, version }) => `${name} ${version}`).join(', ') || null,
  device.why,
];

/** What counts as a change: not that a device was seen again. */
const factsOf = ({ deviceId, state, why, twinVersion, appliedTwinVersion, labels, models }: Device): string =>
  JSON.stringify([deviceId, state, why, twinVersion, appliedTwinVersion, labels, models]);

const PASSING: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'ANSWER_TIMED_OUT']);

/** What `read` gives, or what was known before while the server is away. */
const orBefore = async <T>({ terminal }: CommandContext, read: () => Promise<T>, before: T): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CliError && PASSING.has(error.code))) throw error;
    terminal.talk(`${error.code}: ${error.message} Trying again.`);
    return before;
  }
};

/**
 * The first look must succeed; later a server that is away is mentioned and asked again. On a terminal the whole table again and again; into a pipe one row (with `--json` one JSON line) per device that is new
 * or has changed. Ends when the signal is aborted.
 */
export const watchDevices = async (
  context: CommandContext,
  intervalSeconds: number,
  read: () => Promise<readonly Device[]>,
): Promise<void> => {
  const { terminal, json, signal, now } = context;
  const known = new Map<string, string>();
  let devices: readonly Device[] = await read();
  while (!signal.aborted) {
    const changed = devices.filter((device) => known.get(device.deviceId) !== factsOf(device));
    for (const device of changed) known.set(device.deviceId, factsOf(device));
    if (json) changed.forEach((device) => terminal.jsonLine(device));
    else {
      const shown = terminal.isWatched ? devices : changed;
      terminal.clear();
      const rows = shown.map((device) => deviceRow(device, now()));
      if (rows.length > 0) terminal.data(tableOf(terminal, DEVICE_HEADS, rows, { paint: paintState(terminal) }));
    }
    await pause(intervalSeconds * 1_000, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) devices = await orBefore(context, read, devices);
  }
};
