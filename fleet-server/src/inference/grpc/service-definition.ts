/** The published service as its file defines it. */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type ServiceClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Beside `src/` as beside `dist/`. */
const PROTO = fileURLToPath(new URL('../../../proto/open-inference.proto', import.meta.url));
const READING = { keepCase: true, longs: String, defaults: true, arrays: true, objects: true } as const;

/** Reads the file. */
export const readServiceDefinition = (): ServiceDefinition => {
  const { inference } = loadPackageDefinition(loadSync(PROTO, READING));
  return (inference as unknown as { readonly GRPCInferenceService: ServiceClientConstructor }).GRPCInferenceService
    .service;
};
