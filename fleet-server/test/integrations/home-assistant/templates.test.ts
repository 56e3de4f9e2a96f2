/** The templates of the discovery message, rendered by the real Jinja as Home Assistant does with what is on their topic. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { homeAssistantConfigSchema } from '@shoal/protocol';
import { discoveryMessage } from '../../../src/integrations/home-assistant/discovery-message.ts';
import type { ShownValue } from '../../../src/integrations/home-assistant/shown-values.ts';

const PYTHON = '/usr/bin/python3';
const hasJinja = spawnSync(PYTHON, ['-c', 'import jinja2']).status === 0;
const suite = hasJinja ? describe : describe.skip;

/** Home Assistant gives a template `value` and, when it parses, `value_json`. */
const RENDER = `
import json, sys, jinja2
cases = json.load(sys.stdin)
environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
def given(payload):
    try: return {"value": payload, "value_json": json.loads(payload)}
    except ValueError: return {"value": payload}
print(json.dumps([environment.from_string(template).render(given(payload)) for template, payload in cases]))
`;
const rendered = (cases: readonly (readonly [template: string, payload: string])[]): string[] =>
  JSON.parse(spawnSync(PYTHON, ['-c', RENDER], { input: JSON.stringify(cases), encoding: 'utf8' }).stdout) as string[];

const reading = (name: string): ShownValue => ({ kind: 'readings', of: 'pump', name });
const HOSTILE = ['Volume Flow RateRMS', 'a"b', "a'b", '}}{% x', 'värme ℃ 🔥', '\\n', 'items', '__class__', '{{ 1 }}'];
const message = discoveryMessage(
  { deviceId: 'pump-1', hardwareClass: null, agentVersion: '0.1.0' },
  [...HOSTILE.map(reading), { kind: 'predictions', of: 'pump-anomaly', name: 'score' }],
  '0.1.0',
);
const components = Object.values(message.components);
const [alert, ...sensors] = components;

suite('discovery templates (install: apt-get install python3-jinja2)', () => {
  test('give the value of their own channel, whatever it is called, and nothing of another', () => {
    const payload = JSON.stringify({
      source: 'pump',
      values: Object.fromEntries(HOSTILE.map((name, at) => [name, at + 0.5])),
    });
    const templates = sensors.slice(0, HOSTILE.length).map(({ value_template }) => value_template);
    expect(rendered(templates.map((template) => [template, payload]))).toEqual(HOSTILE.map((_, at) => `${at + 0.5}`));
    const other = [
      JSON.stringify({ source: 'motor', values: { items: 1 } }),
      JSON.stringify({ source: 'pump', values: {} }),
    ];
    const nothing = rendered(templates.flatMap((template) => other.map((text) => [template, text] as const)));
    expect(new Set(nothing)).toEqual(new Set(['']));
  });

  test('give null as None, the output of one model only, and a state that is gone as offline and OFF', () => {
    const score = sensors.at(-1)?.value_template ?? '';
    const of = (name: string): string => JSON.stringify({ model: { name }, outputs: { score: 0.25 } });
    const state = JSON.stringify({ availability: 'online', alert: 'ON', alerts: ['hot'] });
    const [first] = sensors;
    if (first?.platform !== 'sensor' || alert === undefined) throw new Error('the message has no sensor and no alert');
    expect(
      rendered([
        [first.value_template, JSON.stringify({ source: 'pump', values: { [HOSTILE[0] ?? '']: null } })],
        [score, of('pump-anomaly')],
        [score, of('pump-risk')],
        [first.availability_template, state],
        [first.availability_template, ''],
        [alert.value_template, state],
        [alert.value_template, ''],
      ]),
    ).toEqual(['None', '0.25', '', 'online', 'offline', 'ON', 'OFF']);
  });
});

test('the message is one that the schema accepts, and every entity has an id of its own', () => {
  expect(homeAssistantConfigSchema.parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
  expect(new Set(components.map(({ unique_id }) => unique_id)).size).toBe(HOSTILE.length + 2);
  for (const id of Object.keys(message.components)) expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
});
