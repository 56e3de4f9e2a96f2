/** What every command is given: the API, the terminal, and the options that all share. */
import type { Command } from 'commander';
import { z } from 'zod';
import { deviceIdSchema } from '@shoal/protocol';
import { readConfig } from './config.ts';
import { cliError } from './errors.ts';
import { FleetApi } from './fleet-api.ts';
import { Terminal, type TextSink } from './terminal.ts';

/** The world around one run of the command. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Standard input as text, read when a command asks for it. */
  readonly readInput: () => Promise<string>;
  /** Aborted when the person wants out: ends what watches, in good order. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export interface CommandContext extends Surroundings {
  readonly api: FleetApi;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly mqttUrl: string;
}

interface SharedOptions {
  readonly json?: boolean;
  readonly server?: string;
  readonly mqtt?: string;
  readonly timeout: number;
}

/** @throws CliError USAGE_INVALID for a URL that is none */
export const contextOf = (surroundings: Surroundings, command: Command): CommandContext => {
  const { json = false, server, mqtt, timeout } = command.optsWithGlobals<SharedOptions>();
  const environment = {
    ...surroundings.environment,
    ...(server !== undefined && { SHOAL_SERVER: server }),
    ...(mqtt !== undefined && { SHOAL_MQTT: mqtt }),
  };
  try {
    const config = readConfig(environment);
    return {
      ...surroundings,
      api: new FleetApi(config.server, timeout),
      terminal: new Terminal(surroundings.stdout, surroundings.stderr, config.mayColour),
      json,
      mqttUrl: config.mqtt,
    };
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const faults = cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw cliError('USAGE_INVALID', `${faults.join('; ')}. Give URLs such as http://127.0.0.1:8080.`, { cause });
  }
};

/** @throws CliError USAGE_INVALID */
export const checkedDeviceId = (text: string): string => {
  if (deviceIdSchema.safeParse(text).success) return text;
  throw cliError('USAGE_INVALID', `"${text}" is no device id: 1-63 characters of a-z, 0-9 and "-".`);
};
