import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { DesiredRule } from '@shoal/protocol';
import { parseAgentConfig } from '../src/config.ts';
import { sentenceOf } from '../src/errors.ts';
import { inChainOrder } from '../src/model-chains.ts';

import { rulesInForce } from '../src/rules/rule-set.ts';

const GUIDES = fileURLToPath(new URL('../../docs/guides/', import.meta.url));
const minimal = { deviceId: 'pump-07', dataDir: '/tmp/x' };
const faultsOf = (part: object): string => {
  try {
    parseAgentConfig({ ...minimal, ...part });
    return '';
  } catch (error) {
    return sentenceOf(error);
  }
};

/** Blocks of JSON that configure sensors. */
const examples = readdirSync(GUIDES).flatMap((page) =>
  [...readFileSync(GUIDES + page, 'utf8').matchAll(/^```json\n(?<block>[\s\S]*?)^```$/gm)]
    .map(({ groups }) => JSON.parse(groups?.['block'] ?? '') as Record<string, unknown>)
    .filter((json) => 'sensors' in json)
    .map((json, index) => [`${page} ${index + 1}`, json] as const),
);

describe('the configurations in the guides', () => {
  it('are there', () => expect(examples.length).toBeGreaterThanOrEqual(7));
  it.each(examples)('are valid: %s', (_name, json) => expect(faultsOf(json)).toBe(''));
});

describe('the sources of models', () => {
  const sensors = [{ type: 'system', name: 'board' }];
  const models = (...sources: (string | string[])[]) =>
    sources.map((source, index) => ({ bundle: `/opt/m${index}`, name: `m${index}`, source }));

  it('may be sensors and other models', () => {
    expect(faultsOf({ sensors, models: models('model:m1', ['board', 'model:m2'], 'board') })).toBe('');
  });

  it('are refused when they are not there, go in a circle, or are not clear', () => {
    expect(faultsOf({ sensors, models: models('model:nobody') })).toContain('models.0.source: the source of a model');
    expect(faultsOf({ sensors, models: models('model:m0') })).toContain('model:m0 looks at model:m0');
    expect(faultsOf({ sensors, models: models(['board', 'model:m2'], 'model:m0', 'model:m1') })).toContain(
      'models.0.source: models in a circle: model:m0 looks at model:m2 looks at model:m1 looks at model:m0',
    );
    const doubled = [...models('board'), ...models('board'), { bundle: '/opt/x', source: 'model:m0' }];
    expect(faultsOf({ sensors, models: doubled })).toContain('several models are called so');
    const unnamed = [{ bundle: '/opt/x' }, { bundle: 'pump-anomaly', source: 'model:x' }];
    expect(faultsOf({ sensors, models: unnamed })).toContain('models.1.source');
    expect(
      faultsOf({ sensors, models: [{ bundle: 'pump-anomaly' }, { bundle: '/y', source: 'model:pump-anomaly' }] }),
    ).toBe('');
  });

  it('come before who looks at them', () => {
    const link = (stream: string, ...sources: string[]) => ({ stream, sources });
    const links = [link('c', 'b', 'a'), link('b', 'a'), link('a', 'sensor'), link('d', 'sensor')];
    expect(inChainOrder(links).map(({ stream }) => stream)).toEqual(['a', 'd', 'b', 'c']);
    expect(inChainOrder([link('a', 'b'), link('b', 'a')])).toHaveLength(2);
  });
});

describe('rules', () => {
  const rule = (when: object, more: object = {}) => ({
    rules: { r: { when, ...more } },
    sensors: [{ type: 'system', name: 'board' }],
  });
  const good = { sensor: 'board', value: 'load-1m', above: 4 };

  it('are refused when they could never fire or act, with what is wrong', () => {
    expect(faultsOf(rule(good))).toBe('');
    expect(faultsOf(rule({ ...good, sensor: 'nobody' }))).toContain('rules.r.when.sensor: no sensor is called nobody');
    expect(faultsOf(rule({ model: 'm', equals: 'leak' }))).toContain('rules.r.when.model: no model is called m');
    expect(faultsOf(rule(good, { actions: ['siren'] }))).toContain('localActions has no siren');
    expect(faultsOf(rule({ ...good, model: 'm' }))).toContain('either a sensor or a model');
    expect(faultsOf(rule({ ...good, below: 1 }))).toContain('exactly one of above, below and equals');
    expect(faultsOf(rule({ ...good, clearAt: 5 }))).toContain('clearAt must not lie over above');
    expect(faultsOf(rule({ sensor: 'board', below: 1, value: 'x', clearAt: 0 }))).toContain(
      'clearAt must not lie under',
    );
    expect(faultsOf(rule({ sensor: 'board', above: 1 }))).toContain('name the channel');
    expect(faultsOf(rule({ sensor: 'board', equals: 'x' }))).toContain('equals compares the label of a model');
  });

  it('run only programs given by their whole path, and speak to this machine only', () => {
    const command = (file: string) => ({ localActions: { siren: { kind: 'command', file } } });
    expect(faultsOf(command('siren'))).toContain('is no absolute path');
    const broker = { host: '10.0.0.1' };
    expect(faultsOf({ localActions: { m: { kind: 'mqtt', topic: 'a', broker } } })).toContain(
      'localActions.m.broker.host',
    );
    expect(faultsOf({ localActions: { m: { kind: 'mqtt', topic: 'a/#' } } })).toContain('is a filter, not a topic');
    expect(faultsOf({ sensors: [{ type: 'mqtt-topic', name: 't', topic: 'a/#/b' }] })).toContain('no topic filter');
    expect(faultsOf({ sensors: [{ type: 'mqtt-topic', name: 't', topic: 'a', broker }] })).toContain(
      'sensors.0.broker.host',
    );
  });

  it('of the fleet replace, add and switch off, and name nothing the device has not', () => {
    const around = { sensors: ['board'], models: [], actions: ['siren'] };
    const { rules: own } = parseAgentConfig({ ...minimal, ...rule(good) });
    const when = { ...good, holdMs: 0, clearHoldMs: 0, cooldownMs: 0 };
    const desired: DesiredRule = { when, severity: 'error', actions: [], clearActions: [], enabled: true };
    const off = { ...desired, when: undefined, enabled: false };
    expect(rulesInForce(own, { r: off }, around)['r']).toEqual({ ...own['r'], enabled: false });
    expect(rulesInForce(own, { r: desired, s: desired }, around)).toMatchObject({
      r: { severity: 'error' },
      s: desired,
    });
    const code = (name: string, wanted: object) => () =>
      rulesInForce(own, { [name]: { ...desired, ...wanted } }, around);
    expect(code('s', { when: undefined })).toThrow('no condition');
    expect(code('r', { clearActions: ['reboot'] })).toThrow('defines no action reboot');
    expect(code('r', { when: { ...when, sensor: 'x' } })).toThrow('no sensor is called x');
    expect(code('r', { when: { ...when, sensor: undefined, model: 'x' } })).toThrow('no model is called x');
  });
});
