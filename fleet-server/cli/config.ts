/** What the command takes from its environment: where the server is, and whether to paint. */
import { z } from 'zod';

const environmentSchema = z.object({
  SHOAL_SERVER: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:8080')
    .describe('base URL of the HTTP API'),
  SHOAL_MQTT: z
    .url({ protocol: /^mqtts?$/ })
    .default('mqtt://127.0.0.1:1883')
    .describe('URL of the broker'),
  NO_COLOR: z.string().optional().describe('any text but the empty one: no colours (no-color.org)'),
});

export interface CliConfig {
  readonly server: string;
  readonly mqtt: string;
  readonly mayColour: boolean;
}

/** The environment of this process; tests and programs give their own. */
export const processEnvironment = (): Readonly<Record<string, string | undefined>> => process.env;

/** @throws z.ZodError with every fault */
export const readConfig = (environment: Readonly<Record<string, string | undefined>>): CliConfig => {
  const { SHOAL_SERVER, SHOAL_MQTT, NO_COLOR } = environmentSchema.parse(environment);
  return Object.freeze({ server: SHOAL_SERVER, mqtt: SHOAL_MQTT, mayColour: (NO_COLOR ?? '') === '' });
};
