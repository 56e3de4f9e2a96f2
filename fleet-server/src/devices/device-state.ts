/** One state word per device, with why and since when, from everything the registry knows of it. */
import type { DeviceState } from '@shoal/protocol';
import type { DeviceFacts } from './device-facts.ts';

export interface StateVerdict {
  readonly state: DeviceState;
  /** A sentence. */
  readonly why: string;
  readonly since: number;
}

export interface Complaint {
  readonly code: string;
  readonly sentence: string;
  readonly since: number;
}

const unavailableModels = ({ twin, presence }: DeviceFacts): Complaint[] =>
  Object.entries(twin.reported.models ?? {})
    .filter(([, model]) => model.state === 'unavailable')
    .map(([name, model]) => ({
      code: 'MODEL_UNAVAILABLE',
      sentence: `No engine can run ${name} ${model.version}; the device sends readings only.`,
      since: presence.since,
    }));

/** What is wrong with a device that is there, most telling first: its own words, then what the server sees. */
export const complaintsOf = (facts: DeviceFacts): readonly Complaint[] => {
  const { health, refusal, clock } = facts.twin.reported;
  const complaints: Complaint[] = [];
  if (health?.state === 'degraded') {
    const said = health.reasons.map(({ code, sentence, since }) => ({ code, sentence, since }));
    complaints.push(
      ...(said.length > 0
        ? said
        : [{ code: 'DEGRADED', sentence: 'It reports degraded health.', since: facts.presence.since }]),
    );
  }
  complaints.push(...unavailableModels(facts));
  if (refusal && refusal.version === facts.twin.version) {
    complaints.push({
      code: 'CONFIGURATION_REFUSED',
      sentence: `It refused desired version ${refusal.version}: ${refusal.message}`,
      since: facts.presence.since,
    });
  }
  if (facts.clockBadSince !== null) {
    complaints.push({
      code: 'CLOCK_BAD',
      sentence: 'Its records carry times far from the time they arrive.',
      since: facts.clockBadSince,
    });
  } else if (clock?.state === 'unsynchronised') {
    complaints.push({
      code: 'CLOCK_UNSYNCHRONISED',
      sentence: 'Its clock is not synchronised.',
      since: facts.presence.since,
    });
  }
  return complaints;
};

/** `updating` and `quarantined` come with rollouts; nothing known today leads to them. */
export const deviceState = (facts: DeviceFacts): StateVerdict => {
  const { presence } = facts;
  switch (presence.kind) {
    case 'never-connected':
      return { state: 'never-seen', why: 'Registered; it has not connected yet.', since: presence.since };
    case 'unknown':
      return {
        state: 'unknown',
        why: 'The server started and has not heard from it since.',
        since: presence.since,
      };
    case 'offline':
      return { state: 'offline', why: offlineWhy(presence.reason, presence.why), since: presence.since };
    case 'online': {
      const [worst] = complaintsOf(facts);
      if (!worst) return { state: 'online', why: 'Connected and well.', since: presence.since };
      return { state: 'degraded', why: worst.sentence, since: worst.since };
    }
  }
};

const offlineWhy = (reason: 'lost' | 'stopped', why: string): string => {
  if (reason === 'stopped') return 'It stopped in good order.';
  return why === '' ? 'Its connection was lost.' : `Its connection was lost: ${why}.`;
};
