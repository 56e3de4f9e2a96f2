/** What an engine process makes sure of before it imports a runtime. */

/** Throws unless telemetry is off in this environment: onnxruntime reads it while it is imported. */
export const assertPrivate = (environment: Readonly<Record<string, string | undefined>>): void => {
  if (environment['ORT_DISABLE_TELEMETRY'] !== '1')
    throw new Error('ORT_DISABLE_TELEMETRY=1 must be set for an engine process');
};

/** onnxruntime then takes FP16 as Uint16Array bit patterns (onnxruntime#26791). Only an engine process may do this to its globals. */
export const removeFloat16Array = (): void => {
  Reflect.deleteProperty(globalThis, 'Float16Array');
};
