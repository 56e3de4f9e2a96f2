/** Connects to a broker, says nothing, and leaves. */
import { connectAsync } from 'mqtt';
import { sentenceOf } from '../errors.ts';
import { randomId } from '../runtime.ts';

/** Where to connect to; milliseconds. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}

/**
 * Null when a connection was accepted, else why not. It connects as a third party (decision 11): with the id of the device
 * the broker would end the connection of the agent that runs.
 */
export const mqttProblem = async ({ host, port, connectTimeoutMs }: BrokerAddress): Promise<string | null> => {
  try {
    const client = await connectAsync({
      protocol: 'mqtt',
      host,
      port,
      protocolVersion: 4,
      clientId: `sub-doctor-${randomId()}`,
      clean: true,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0,
    });
    await client.endAsync(true);
    return null;
  } catch (error) {
    return sentenceOf(error);
  }
};
