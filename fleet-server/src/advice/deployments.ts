/** What to paste for each deployment pattern, for a model by name. */
import type { Advice, DeploymentPattern } from '@shoal/protocol';

type Deployment = Advice['deployment'];

const json = (value: unknown): string => JSON.stringify(value);

const edge = (model: string): Deployment => {
  const config = {
    deviceId: 'pump-01',
    dataDir: 'shoal-device',
    sensors: [{ type: 'json-lines', name: 'pump', command: './read-sensors' }],
    models: [{ bundle: model }],
  };
  return {
    description: `Run ${model} in the agent on the device; what it says is published when there is a network.`,
    served: true,
    commands: [`echo '${json(config)}' > agent.json`, 'npx shoal-agent run --config agent.json'],
  };
};

const realTime = (model: string): Deployment => ({
  description: `Ask this server for ${model}, one request for one answer.`,
  served: true,
  commands: [
    `curl -s http://127.0.0.1:8080/v2/models/${model}`,
    `curl -s http://127.0.0.1:8080/predict -H 'content-type: application/json' -d '{"model":"${model}","features":[…]}'`,
  ],
});

const later = (description: string): Deployment => ({ description, served: false, commands: [] });

/** Ready to paste where this version serves the pattern. */
export const deploymentOf = (pattern: DeploymentPattern, model: string): Deployment => {
  switch (pattern) {
    case 'edge':
      return edge(model);
    case 'real-time':
      return realTime(model);
    case 'streaming':
      return later(`Let the events pass a stream processor that asks ${model}.`);
    case 'batch':
      return later(`Score everything with ${model} at night and read the answers in the morning.`);
  }
};
