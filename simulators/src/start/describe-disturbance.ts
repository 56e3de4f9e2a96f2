/** A disturbance in the words of the person who watches. */
import { GOOD_NETWORK } from '../faults/network-conditions.ts';
import type { Disturbance } from '../scenario.ts';

const SENTENCES = {
  'reset-connections': 'every connection is reset',
  'kill-server': 'the server is killed (SIGKILL)',
  'start-server': 'the server is started again',
  'freeze-server': 'the server is frozen (SIGSTOP)',
  'thaw-server': 'the server goes on',
  'fill-disk': "the server's disk is full",
  'free-disk': "the server's disk has space again",
} as const satisfies Record<Exclude<Disturbance['what'], 'network'>, string>;

export const describeDisturbance = (disturbance: Disturbance): string => {
  if (disturbance.what !== 'network') return SENTENCES[disturbance.what];
  if (disturbance.conditions === undefined) return 'the network is good again';
  const changed = Object.entries(disturbance.conditions)
    .filter(([name, value]) => value !== GOOD_NETWORK[name as keyof typeof GOOD_NETWORK])
    .map(([name, value]) => (value === true ? name : `${name} ${value}`));
  return `the network is bad: ${changed.join(', ')}`;
};
