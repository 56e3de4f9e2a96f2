/** A light device answers commands once, twins once per version, and nonsense not at all. */
import { expect, test } from '@jest/globals';
import { encodeFrame, type Command, type CommandOutcome } from '@shoal/protocol';
import { answerCommand, answerDesiredTwin } from '../../src/light/light-answers.ts';

const command = (over: Partial<Command>): Uint8Array =>
  encodeFrame({ v: 1, commandId: 'k-1', name: 'ping', expiresAt: 2_000, ...over });
const states = (answers: readonly { readonly body: object }[]): unknown[] =>
  answers.map(({ body }) => (body as CommandOutcome).state);
const now = { at: 900, serverNow: 1_000 };
const none = new Map<string, CommandOutcome>();

test('ping is acknowledged and succeeds', () => {
  const { answers } = answerCommand('pump-1', command({}), none, now);
  expect(states(answers)).toEqual(['acknowledged', 'succeeded']);
  expect(answers[0]?.topic).toBe('shoal/v1/devices/pump-1/up/command/k-1');
});

test('what a light device cannot do is unsupported', () => {
  expect(states(answerCommand('pump-1', command({ name: 'bench' }), none, now).answers)).toEqual([
    'acknowledged',
    'unsupported',
  ]);
});

test('a command that is late by the server clock is expired and not acknowledged', () => {
  expect(states(answerCommand('pump-1', command({}), none, { at: 900, serverNow: 2_001 }).answers)).toEqual([
    'expired',
  ]);
});

test('a repeated command is answered with the remembered outcome alone', () => {
  const { outcome } = answerCommand('pump-1', command({}), none, now);
  const again = answerCommand('pump-1', command({}), new Map([['k-1', outcome as CommandOutcome]]), {
    at: 5_000,
    serverNow: 5_000,
  });
  expect(again.answers.map(({ body }) => body)).toEqual([outcome]);
});

test('a desired twin is applied and reported once per version', () => {
  const desired = encodeFrame({ v: 1, version: 3, desired: { publish: { maxDelayMs: 5 } } });
  const first = answerDesiredTwin('pump-1', { appliedVersion: 2, reported: { agent: { version: '1' } } }, desired);
  expect(first.answers.map(({ body }) => body)).toEqual([
    { v: 1, appliedVersion: 3, mode: 'patch', reported: { publish: { maxDelayMs: 5 } } },
  ]);
  expect(first.twin.reported).toMatchObject({ agent: { version: '1' }, publish: { maxDelayMs: 5 } });
  expect(answerDesiredTwin('pump-1', first.twin, desired).answers).toEqual([]);
});
