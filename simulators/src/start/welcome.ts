/** The first lines of a run: where everything is. */
import { topics } from '@shoal/protocol';
import { NIGHTLY_JOB } from './nightly-scores.ts';

export interface Places {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  readonly dataDir: string;
}

export const welcome = ({ httpUrl, mqttUrl, dataDir }: Places): string => {
  const { hostname, port } = new URL(mqttUrl);
  return [
    `API        ${httpUrl}/api/overview`,
    `API docs   ${httpUrl}/docs        (OpenAPI ${httpUrl}/docs/openapi.json)`,
    `MQTT docs  ${httpUrl}/docs/mqtt   (AsyncAPI ${httpUrl}/docs/asyncapi.json)`,
    `MQTT       ${mqttUrl}`,
    `Listen     mosquitto_sub -h ${hostname} -p ${port} -v -t '${topics.liveFilter()}'`,
    `Scores     every night; at once: curl -X POST ${httpUrl}/api/scoring/jobs/${NIGHTLY_JOB}/runs`,
    `Data       ${dataDir}`,
    'Ctrl-C stops everything.',
  ].join('\n');
};
