/** The part of onnxruntime's interface that both of its builds share, as far as an engine process uses it. */

export type OrtData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | string[];

export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: OrtData;
}

/** A dimension is a number, or a name when it is free. */
export interface OrtMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

export interface OrtSession {
  readonly inputMetadata: readonly OrtMetadata[];
  readonly outputMetadata: readonly OrtMetadata[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

export interface OrtRuntime {
  /** Name and version, for the log. */
  readonly description: string;
  createSession(bytes: Uint8Array): Promise<OrtSession>;
  createTensor(type: string, data: OrtData, dims: readonly number[]): OrtTensor;
}

/**
 * One thread and no spinning (a spinning pool burns a core between sparse calls); bytes instead of a path, so that
 * external data has no folder to escape from.
 */
export const SESSION_OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const;
