/** A gRPC client of the tests: the published service read from the same file, calls as promises. */
import { fileURLToPath } from 'node:url';
import {
  Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('../../proto/open-inference.proto', import.meta.url));

type Method = (
  request: object,
  metadata: Metadata,
  options: CallOptions,
  done: (error: ServiceError | null, answer: unknown) => void,
) => { cancel(): void };

export interface GrpcClient {
  /** Rejects with `ServiceError`. */
  call<T>(method: string, request: object, options?: CallOptions): Promise<T>;
  /** The call, under way. */
  begin(method: string, request: object): { readonly answer: Promise<unknown>; cancel(): void };
  close(): void;
}

export const grpcClient = (address: string): GrpcClient => {
  const { inference } = loadPackageDefinition(
    loadSync(PROTO, { keepCase: true, longs: String, defaults: true, arrays: true }),
  );
  const { GRPCInferenceService: Service } = inference as unknown as {
    GRPCInferenceService: new (
      ...args: ConstructorParameters<typeof Client>
    ) => Client & Readonly<Record<string, Method>>;
  };
  const client = new Service(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  const begin = (method: string, request: object, options: CallOptions = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = client[method]?.(request, new Metadata(), options, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
    return { answer: promise, cancel: () => call?.cancel() };
  };
  return {
    call: async <T>(method: string, request: object, options?: CallOptions) =>
      (await begin(method, request, options).answer) as T,
    begin,
    close: () => client.close(),
  };
};
