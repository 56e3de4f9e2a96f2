/** Asks a server over gRPC with typed contents, or raw ones, written and read with nothing of the product but its published proto. */
import { join } from 'node:path';
import { Client, credentials, loadPackageDefinition, type ServiceError, type requestCallback } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Datatype, NamedTensor, TensorData, Tensors } from '@shoal/protocol';
import { ROOT } from '../../bench/load/built-server.ts';
import type { PreparedCase } from './case-path.ts';
import { bytesOf, fromSection } from './plain-client.ts';

const PROTO = join(ROOT, 'fleet-server', 'proto', 'open-inference.proto');

type Infer = (request: object, done: requestCallback<Response>) => void;

interface Output {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly string[];
  readonly contents?: Readonly<Record<string, readonly unknown[]>> | null;
}
interface Response {
  readonly outputs: readonly Output[];
  readonly raw_output_contents: readonly Buffer[];
}

/** Open Inference Protocol, InferTensorContents. */
const FIELDS: Readonly<Record<Exclude<Datatype, 'FP16'>, string>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

const typedElement = (value: number | bigint | Uint8Array, datatype: Datatype): unknown => {
  if (typeof value === 'bigint') return String(value);
  return datatype === 'BOOL' ? value === 1 : value;
};

const contentsOf = ({ datatype, data }: NamedTensor): object =>
  datatype === 'FP16'
    ? {}
    : {
        [FIELDS[datatype]]: Array.from<number | bigint | Uint8Array, unknown>(data, (value) =>
          typedElement(value, datatype),
        ),
      };

type FromContents = (values: readonly unknown[]) => TensorData;
const numbers =
  (make: { from(values: readonly number[]): TensorData }): FromContents =>
  (values) =>
    make.from(values as readonly number[]);
const longs =
  (make: { from(values: readonly bigint[]): TensorData }): FromContents =>
  (values) =>
    make.from(values.map((value) => BigInt(value as string)));

const FROM_CONTENTS: Readonly<Record<Exclude<Datatype, 'FP16'>, FromContents>> = {
  BOOL: (values) => Uint8Array.from(values, (value) => (value === true ? 1 : 0)),
  INT8: numbers(Int8Array),
  INT16: numbers(Int16Array),
  INT32: numbers(Int32Array),
  INT64: longs(BigInt64Array),
  UINT8: numbers(Uint8Array),
  UINT16: numbers(Uint16Array),
  UINT32: numbers(Uint32Array),
  UINT64: longs(BigUint64Array),
  FP32: numbers(Float32Array),
  FP64: numbers(Float64Array),
  BYTES: (values) => values.map((value) => new Uint8Array(value as Uint8Array)),
};

const fromTyped = ({ name, datatype, contents }: Output): TensorData => {
  if (datatype === 'FP16') throw new Error(`${name} is FP16 and came with typed contents`);
  return FROM_CONTENTS[datatype](contents?.[FIELDS[datatype]] ?? []);
};

const read = ({ outputs, raw_output_contents: raw }: Response): Tensors =>
  Object.fromEntries(
    outputs.map((output, index) => {
      const section = raw[index];
      const data = section === undefined ? fromTyped(output) : fromSection(output.datatype, section);
      return [output.name, { datatype: output.datatype, shape: output.shape.map(Number), data }];
    }),
  );

export class GrpcAsking {
  readonly #address: () => string;
  #client: (Client & { readonly ModelInfer: Infer }) | undefined;

  constructor(address: () => string) {
    this.#address = address;
  }

  /** FP16 has no typed form: a case with such an input goes raw. */
  async ask({ bundle, test }: PreparedCase, form: 'typed' | 'raw'): Promise<Tensors> {
    const isRaw = form === 'raw' || test.inputs.some(({ datatype }) => datatype === 'FP16');
    const request = {
      model_name: bundle,
      model_version: '1.0.0',
      id: 'case',
      inputs: test.inputs.map((tensor) => ({
        name: tensor.name,
        datatype: tensor.datatype,
        shape: tensor.shape,
        ...(!isRaw && { contents: contentsOf(tensor) }),
      })),
      raw_input_contents: isRaw ? test.inputs.map(bytesOf) : [],
    };
    const client = (this.#client ??= this.#connect());
    return read(
      await new Promise<Response>((resolve, reject) => {
        client.ModelInfer(request, (error: ServiceError | null, response?: Response) => {
          if (response === undefined) reject(error ?? new Error('no answer'));
          else resolve(response);
        });
      }),
    );
  }

  stop(): void {
    this.#client?.close();
  }

  #connect(): Client & { readonly ModelInfer: Infer } {
    const { inference } = loadPackageDefinition(loadSync(PROTO, { keepCase: true, longs: String, arrays: true }));
    const { GRPCInferenceService: Service } = inference as unknown as {
      readonly GRPCInferenceService: new (
        ...args: ConstructorParameters<typeof Client>
      ) => Client & { readonly ModelInfer: Infer };
    };
    return new Service(this.#address(), credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }
}
