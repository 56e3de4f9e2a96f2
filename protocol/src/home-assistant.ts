/**
 * What Shoal says to Home Assistant: one device discovery message per device (`homeassistant/device/…/config`, Home Assistant
 * 2024.12 or newer, https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload) and one retained state.
 */
import { z } from 'zod';

/** Its whole payload when Home Assistant begins to listen, by default on `homeassistant/status`. */
export const HOME_ASSISTANT_IS_THERE = 'online';

const entity = {
  unique_id: z.string().min(1),
  name: z.string().min(1),
  state_topic: z.string().min(1),
  value_template: z.string().min(1),
};

const sensorSchema = z.strictObject({
  ...entity,
  platform: z.literal('sensor'),
  state_class: z.literal('measurement').optional().describe('Of numbers: Home Assistant keeps their statistics.'),
  availability_topic: z.string().min(1),
  availability_template: z.string().min(1),
});
const binarySensorSchema = z.strictObject({
  ...entity,
  platform: z.literal('binary_sensor'),
  device_class: z.literal('problem'),
  json_attributes_topic: z.string().min(1),
});

export const homeAssistantConfigSchema = z
  .strictObject({
    device: z.strictObject({
      identifiers: z.array(z.string().min(1)).length(1),
      name: z.string().min(1),
      manufacturer: z.string(),
      model: z.string().optional(),
      sw_version: z.string().optional(),
    }),
    origin: z.strictObject({ name: z.string().min(1), sw_version: z.string() }),
    components: z.record(z.string(), z.discriminatedUnion('platform', [sensorSchema, binarySensorSchema])),
  })
  .meta({
    id: 'HomeAssistantConfig',
    examples: [
      {
        device: { identifiers: ['shoal-pump-07'], name: 'pump-07', manufacturer: 'Shoal', model: 'raspberry-pi-4' },
        origin: { name: 'Shoal', sw_version: '0.1.0' },
        components: {
          'readings-pump-Pressure': {
            platform: 'sensor',
            unique_id: 'shoal-pump-07-readings-pump-Pressure',
            name: 'pump Pressure',
            state_topic: 'shoal/v1/live/pump-07/readings',
            value_template: '{{ value_json["values"]["Pressure"] if value_json["source"] == "pump" else "" }}',
            state_class: 'measurement',
            availability_topic: 'homeassistant/shoal/pump-07/state',
            availability_template: '{{ value_json["availability"] }}',
          },
        },
      },
    ],
  });
export type HomeAssistantConfig = z.infer<typeof homeAssistantConfigSchema>;
export type HomeAssistantComponent = HomeAssistantConfig['components'][string];

export const homeAssistantStateSchema = z
  .strictObject({
    availability: z.enum(['online', 'offline']).describe('Whether the device is connected.'),
    alert: z.enum(['ON', 'OFF']).describe('Whether an alert fires for it.'),
    alerts: z.array(z.string()).describe('The rules that fire, by name; at most 100.'),
  })
  .meta({
    id: 'HomeAssistantState',
    examples: [{ availability: 'online', alert: 'ON', alerts: ['pump-hot'] }],
  });
export type HomeAssistantState = z.infer<typeof homeAssistantStateSchema>;
