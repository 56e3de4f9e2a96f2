/** A way through the product that a case takes: the list of them is what the eval compares. */
import type { Tensors } from '@shoal/protocol';
import type { Closeness } from './compare.ts';
import type { TestCase } from './test-cases.ts';

export interface PreparedCase {
  readonly test: TestCase;
  /** Name of the bundle, and the folder that holds it. */
  readonly bundle: string;
  readonly folder: string;
}

export interface CasePath {
  readonly name: string;
  /** How near to onnxruntime-node itself its results must be; null: to the bit. */
  readonly closeness: Closeness | null;
  start(): Promise<void>;
  /** Rejects with whatever the product says when it cannot answer; null when it says that a message does not fit what carries it. */
  run(prepared: PreparedCase): Promise<Tensors | null>;
  stop(): Promise<void>;
}
