/** Topics: what is built is parsed back, and nothing else is. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  COMMAND_NAMES,
  REQUEST_METHODS,
  parseTopic,
  topics,
  type ParsedTopic,
  type ProtocolError,
} from '../src/index.ts';
import { deviceId, recordKind, requestId } from './arbitraries.ts';

const codeOf = (topic: string): string => {
  try {
    parseTopic(topic);
  } catch (error) {
    return (error as ProtocolError).code;
  }
  return 'parsed';
};

const level = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const method = fc.constantFrom(...REQUEST_METHODS);
const name = fc.constantFrom(...COMMAND_NAMES);

/** One row per builder: the topic it makes and what parsing must answer. */
const built: fc.Arbitrary<[string, ParsedTopic]> = fc
  .record({ deviceId, requestId, kind: recordKind, method, name, level, key: level })
  .chain((it) => {
    const { deviceId: id, kind } = it;
    const rows: [string, ParsedTopic][] = [
      [topics.presence(id), { direction: 'up', deviceId: id, what: 'presence' }],
      [topics.reportedTwin(id), { direction: 'up', deviceId: id, what: 'twin' }],
      [topics.records(id, kind), { direction: 'up', deviceId: id, what: 'records', kind }],
      [topics.request(id, it.method), { direction: 'up', deviceId: id, what: 'request', method: it.method }],
      [
        topics.commandOutcome(id, it.requestId),
        { direction: 'up', deviceId: id, what: 'command', commandId: it.requestId },
      ],
      [topics.reply(id, it.requestId), { direction: 'down', deviceId: id, what: 'reply', requestId: it.requestId }],
      [topics.desiredTwin(id), { direction: 'down', deviceId: id, what: 'twin' }],
      [
        topics.command(id, it.name, it.requestId),
        { direction: 'down', deviceId: id, what: 'command', name: it.name, commandId: it.requestId },
      ],
      [topics.live(id, kind), { direction: 'public', what: 'live', deviceId: id, kind }],
      [topics.window(it.level, it.key), { direction: 'public', what: 'window', stream: it.level, key: it.key }],
      [topics.alert(it.level), { direction: 'public', what: 'alert', id: it.level }],
      [topics.rollout(it.level), { direction: 'public', what: 'rollout', id: it.level }],
      [topics.prediction(it.level, it.key), { direction: 'public', what: 'prediction', model: it.level, id: it.key }],
      [topics.homeAssistantConfig(id), { direction: 'public', what: 'home-assistant-config', deviceId: id }],
      [topics.homeAssistantState(id), { direction: 'public', what: 'home-assistant-state', deviceId: id }],
      [topics.homeAssistantStatus(), { direction: 'public', what: 'home-assistant-status' }],
      [topics.fleetSummary(), { direction: 'public', what: 'fleet-summary' }],
    ];
    return fc.constantFrom(...rows);
  });

describe('topics', () => {
  test('every built topic parses back to what it was built from', () => {
    fc.assert(
      fc.property(built, ([topic, parsed]) => {
        expect(parseTopic(topic)).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test('a built topic with one level added, removed or emptied is no topic of the contract', () => {
    fc.assert(
      fc.property(built, fc.nat(), ([topic], at) => {
        const levels = topic.split('/');
        const index = at % levels.length;
        expect(codeOf(`${topic}/more`)).not.toBe('parsed');
        expect(codeOf(levels.with(index, '').join('/'))).not.toBe('parsed');
        expect(codeOf(levels.toSpliced(index, 1).join('/'))).not.toBe('parsed');
      }),
      { numRuns: 300 },
    );
  });

  test('a filter is no topic', () => {
    const filters = [
      topics.downFilter('d'),
      topics.liveFilter(),
      'shoal/v1/alerts/#',
      'shoal/v1/windows/+/x',
      '#',
      '+',
    ];
    expect(filters.map(codeOf)).toEqual(filters.map(() => 'TOPIC_UNKNOWN'));
  });

  test('strangers are refused by name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(codeOf(text)).toMatch(/^TOPIC_(UNKNOWN|TOO_DEEP)$/);
      }),
    );
    expect(codeOf('shoal/v2/fleet/summary')).toBe('TOPIC_UNKNOWN');
    expect(codeOf('shoal/v1/devices/UPPER/up/presence')).toBe('TOPIC_UNKNOWN');
    expect(codeOf('shoal/v1/devices/a/up/request/shutdown')).toBe('TOPIC_UNKNOWN');
    expect(codeOf('shoal/v1/devices/a/down/command/Ping/k1')).toBe('TOPIC_UNKNOWN');
    expect(codeOf('a/'.repeat(10_000))).toBe('TOPIC_TOO_DEEP');
  });
});
