/** The part of the configuration about updates of models. */
import { join } from 'node:path';
import { z } from 'zod';

export const updatesSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: the models of the configuration run, whatever the fleet assigns'),
  url: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null)
    .describe('of the fleet server; by default its port 8080, where it is on this machine'),
  transport: z
    .enum(['http', 'mqtt'])
    .default('http')
    .describe(
      'mqtt: bundles and metadata come in pieces over the connection to the broker, and no other port is needed',
    ),
  mqttBytesPerS: z
    .int()
    .min(1_024)
    .max(104_857_600)
    .default(262_144)
    .describe('over MQTT no more than this is asked for in a second, beside what an assignment allows [bytes]'),
  rootFile: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'root metadata that this device trusts; by default the first one seen, from a server on this machine only',
    ),
  maxHoldMs: z
    .int()
    .min(1_000)
    .max(2_592_000_000)
    .default(86_400_000)
    .describe('longest that somebody on this machine may hold updates at a time [ms]'),
  directory: z.string().min(1).nullable().default(null).describe('by default "updates" in the data folder'),
});
export type UpdatesConfig = z.infer<typeof updatesSchema>;

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1|\[::1\])$/;
const SERVER_PORT = 8080;

interface Surroundings {
  readonly dataDir: string;
  readonly fleet: { readonly host: string };
  readonly updates: UpdatesConfig;
}

export interface UpdatePlace {
  readonly folder: string;
  /** Without a slash at its end; empty where none is known. */
  readonly url: string;
  /** Why this device is not updated; null when it is. */
  readonly offReason: string | null;
}

export const updatePlace = ({ dataDir, fleet, updates }: Surroundings): UpdatePlace => {
  const { enabled, transport, rootFile, directory } = updates;
  const host = fleet.host.includes(':') ? `[${fleet.host}]` : fleet.host;
  const own = LOOPBACK.test(fleet.host) ? `http://${host}:${SERVER_PORT}` : '';
  const url = (updates.url ?? own).replace(/\/+$/, '');
  const isOverMqtt = transport === 'mqtt';
  const isOwnMachine = LOOPBACK.test(isOverMqtt || url === '' ? fleet.host : new URL(url).hostname);
  const offReason = !enabled
    ? 'Updates are switched off in the configuration of this device ("updates.enabled").'
    : url === '' && !isOverMqtt
      ? 'This device does not know where updates come from ("updates.url").'
      : rootFile === null && !isOwnMachine
        ? 'This device has no root to trust ("updates.rootFile").'
        : null;
  return { folder: directory ?? join(dataDir, 'updates'), url, offReason };
};
