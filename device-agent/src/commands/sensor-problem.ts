/** Whether what a sensor reads from is there, by the kind of the sensor; it is not read. */
import { access, constants } from 'node:fs/promises';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { openHwmon } from '../sensors/hwmon.ts';
import { openIio } from '../sensors/iio.ts';
import { openSystem } from '../sensors/system.ts';
import { mqttProblem } from '../uplink/connection-problem.ts';

type SensorConfig = AgentConfig['sensors'][number];

/** A device under /sys is looked up as the agent does it: its name is no path. Rejects with why it is not there. */
const look = async (sensor: SensorConfig): Promise<string | null> => {
  switch (sensor.type) {
    case 'iio':
      await openIio(sensor);
      return null;
    case 'hwmon':
      await openHwmon(sensor);
      return null;
    case 'system':
      return (await (await openSystem(sensor)).isThere()) ? null : `${sensor.root} has no proc`;
    case 'replay':
      await access(sensor.file, constants.R_OK);
      return null;
    case 'serial':
      await access(sensor.path, constants.R_OK | constants.W_OK);
      return null;
    case 'mqtt-topic':
      return mqttProblem(sensor.broker);
    case 'json-lines':
    case 'synthetic':
      return null;
  }
};

/** Null when it is there. Never rejects. */
export const sensorProblem = async (sensor: SensorConfig): Promise<string | null> => look(sensor).catch(sentenceOf);
