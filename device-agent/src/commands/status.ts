/** `shoal-agent status`: what a running agent says of itself. */
import type { AgentStatus } from '../agent-status.ts';
import { AgentError } from '../errors.ts';
import { loopbackUrl } from '../local-api/loopback-url.ts';

const TIMEOUT_MS = 5_000;

/** As much of the configuration as tells the address. */
interface LocalApiAddress {
  readonly localApi: { readonly host: string; readonly port: number } | null;
}

/** Throws AGENT_UNREACHABLE when the configuration does not tell the address. */
export const localUrlOf = ({ localApi }: LocalApiAddress): string => {
  if (localApi !== null && localApi.port > 0) return loopbackUrl(localApi.host, localApi.port);
  const why = localApi === null ? 'The configuration has no local API' : 'The local API takes any free port';
  throw new AgentError('AGENT_UNREACHABLE', `${why}; give the "localUrl" of the ready line with --url.`);
};

/** Throws AGENT_UNREACHABLE. */
export const fetchStatus = async (localUrl: string): Promise<AgentStatus> => {
  try {
    const response = await fetch(new URL('/status', localUrl), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return (await response.json()) as AgentStatus;
  } catch (cause) {
    throw new AgentError('AGENT_UNREACHABLE', `No agent answers at ${localUrl}; start it, or check localApi.`, {
      cause,
    });
  }
};

/** A few lines for people. */
export const describeStatus = (status: AgentStatus): string => {
  const { health, outbox, uplink, sensors, models, counters } = status;
  const uncommitted = outbox.uncommitted > 0 ? `, ${outbox.uncommitted} not yet on disk` : '';
  return [
    `${status.deviceId} · agent ${status.agentVersion} · up ${Math.round(status.uptimeMs / 1_000)} s · ${health.state}`,
    ...health.reasons.map(({ code, sentence }) => `  ! ${code}: ${sentence}`),
    `uplink   ${uplink.state}${uplink.lastFailure === null ? '' : ` (last failure: ${uplink.lastFailure})`}`,
    `outbox   ${outbox.depth} records, ${outbox.sizeBytes} bytes${uncommitted}, ${outbox.health}`,
    ...sensors.map(({ name, state, samples }) => `sensor   ${name}: ${state}, ${samples} samples`),
    ...models.map(
      ({ model, status: state, engine, inference }) =>
        `model    ${model.name} ${model.version}: ${state} on ${engine ?? 'no engine'}, ${inference.predictions} predictions`,
    ),
    `records  ${counters.readings} readings, ${counters.predictions} predictions, ${counters.events} events`,
  ].join('\n');
};
