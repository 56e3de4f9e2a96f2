/** The eight channels of a simulated pump: names and units of the SKAB test bed (Katser and Kozitsin 2020). */

/** Channel → unit. */
export const PUMP_CHANNELS = {
  Accelerometer1RMS: 'g',
  Accelerometer2RMS: 'g',
  Current: 'A',
  Pressure: 'bar',
  Temperature: '°C',
  Thermocouple: '°C',
  Voltage: 'V',
  'Volume Flow RateRMS': 'l/min',
} as const;

export type PumpChannel = keyof typeof PUMP_CHANNELS;

/** One value per channel, in its unit. */
export type PumpValues = Record<PumpChannel, number>;

export const isPumpChannel = (name: string): name is PumpChannel => Object.hasOwn(PUMP_CHANNELS, name);
