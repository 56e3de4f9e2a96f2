/** The discovery message of one device, as Home Assistant wants it. */
import { hash53 } from '@shoal/models';
import { topics, type Device, type HomeAssistantComponent, type HomeAssistantConfig } from '@shoal/protocol';
import type { ShownValue } from './shown-values.ts';

const READABLE_CHARACTERS = 60;

/** Stays the same for ever: Home Assistant remembers an entity by it. */
const plain = (text: string): string => {
  const readable = text.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, READABLE_CHARACTERS);
  return readable === text ? text : `${readable}-${hash53(text).toString(36)}`;
};

/** A string literal of Jinja: that of JSON, with everything beyond ASCII as an escape of Python. */
const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[^ -~]/gu,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  );

/**
 * Every message of the topic is seen by every template: what is about something else renders to nothing, which Home Assistant
 * ignores for numbers. `value_json.values` would be the method of a Python dictionary, hence the brackets.
 */
const templateOf = ({ kind, of, name }: ShownValue): string => {
  const [about, values] =
    kind === 'readings'
      ? ['value_json["source"]', 'value_json["values"]']
      : ['value_json["model"]["name"]', 'value_json["outputs"]'];
  const [owner, key] = [quoted(of), quoted(name)];
  return `{{ ${values}[${key}] if ${about} == ${owner} and ${key} in ${values} else "" }}`;
};

const sensorOf = (deviceId: string, value: ShownValue): [string, HomeAssistantComponent] => {
  const id = plain(`${value.kind}-${value.of}-${value.name}`);
  return [
    id,
    {
      platform: 'sensor',
      unique_id: `shoal-${deviceId}-${id}`,
      name: `${value.of} ${value.name}`,
      state_topic: topics.live(deviceId, value.kind),
      value_template: templateOf(value),
      state_class: 'measurement',
      availability_topic: topics.homeAssistantState(deviceId),
      availability_template: '{{ value_json["availability"] if value_json is defined else "offline" }}',
    },
  ];
};

/** It has no availability of its own: that a device is gone is what an alert may be about. */
const alertOf = (deviceId: string): [string, HomeAssistantComponent] => [
  'alert',
  {
    platform: 'binary_sensor',
    unique_id: `shoal-${deviceId}-alert`,
    name: 'Alert',
    device_class: 'problem',
    state_topic: topics.homeAssistantState(deviceId),
    value_template: '{{ value_json["alert"] if value_json is defined else "OFF" }}',
    json_attributes_topic: topics.homeAssistantState(deviceId),
  },
];

type Described = Pick<Device, 'deviceId' | 'hardwareClass' | 'agentVersion'>;

/** `version` is that of the server. */
export const discoveryMessage = (
  { deviceId, hardwareClass, agentVersion }: Described,
  values: readonly ShownValue[],
  version: string,
): HomeAssistantConfig => ({
  device: {
    identifiers: [`shoal-${deviceId}`],
    name: deviceId,
    manufacturer: 'Shoal',
    ...(hardwareClass !== null && { model: hardwareClass }),
    ...(agentVersion !== null && { sw_version: agentVersion }),
  },
  origin: { name: 'Shoal', sw_version: version },
  components: Object.fromEntries([alertOf(deviceId), ...values.map((value) => sensorOf(deviceId, value))]),
});
