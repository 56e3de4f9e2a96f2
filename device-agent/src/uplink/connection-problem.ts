/** Connects to the fleet server as this device, says nothing, and leaves. */
import { connectAsync } from 'mqtt';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';

/** Null when it was accepted, else why not. */
export const connectionProblem = async ({ deviceId, fleet }: AgentConfig): Promise<string | null> => {
  const { host, port, connectTimeoutMs } = fleet;
  try {
    const client = await connectAsync({
      protocol: 'mqtt',
      host,
      port,
      protocolVersion: 4,
      clientId: deviceId,
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
