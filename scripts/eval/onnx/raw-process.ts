/** Entry of a process that runs onnxruntime directly; `repaired` as its argument takes FP16 as bit patterns (onnxruntime#26791). */
import type { Datatype, Tensor, TensorData, TensorSpec } from '@shoal/protocol';
import type { RawReply, RawRequest, RawRun } from './raw-messages.ts';

const isRepaired = process.argv[2] === 'repaired';
if (isRepaired) Reflect.deleteProperty(globalThis, 'Float16Array');
const { InferenceSession, Tensor: OrtTensor } = await import('onnxruntime-node');

const TYPES: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

/** As this program and its users know it; the type library of this project does not yet. */
type HalfArray = new (buffer: ArrayBufferLike, offset: number, length: number) => unknown;
const halfArray = (globalThis as { Float16Array?: HalfArray }).Float16Array;

const contentOf = ({ datatype, data }: Tensor): unknown => {
  if (datatype === 'BYTES') return (data as Uint8Array[]).map((element) => Buffer.from(element).toString('utf8'));
  // An array of its own, as a program makes them: what comes in a message may begin anywhere, and sums depend on that.
  const own = data.slice() as Uint16Array;
  if (datatype !== 'FP16' || halfArray === undefined) return own;
  return new halfArray(own.buffer, own.byteOffset, own.length);
};

const toOrt = (tensor: Tensor): InstanceType<typeof OrtTensor> => {
  const type = Object.keys(TYPES).find((name) => TYPES[name] === tensor.datatype);
  return Reflect.construct(OrtTensor, [type, contentOf(tensor), tensor.shape]) as InstanceType<typeof OrtTensor>;
};

const datatypeOf = (type: string): Datatype => {
  const datatype = TYPES[type];
  if (datatype === undefined) throw new TypeError(`the type ${type} has no datatype`);
  return datatype;
};

const fromOrt = ({ type, dims, data }: InstanceType<typeof OrtTensor>): Tensor => {
  const datatype = datatypeOf(type);
  if (datatype === 'BYTES')
    return { datatype, shape: [...dims], data: (data as string[]).map((text) => new Uint8Array(Buffer.from(text))) };
  const typed = data as unknown as Uint16Array;
  const bits =
    datatype === 'FP16' ? new Uint16Array(typed.buffer, typed.byteOffset, typed.length).slice() : typed.slice();
  return { datatype, shape: [...dims], data: bits as TensorData };
};

type Session = Awaited<ReturnType<typeof InferenceSession.create>>;

const specs = (metadata: Session['inputMetadata']): TensorSpec[] =>
  metadata.map((entry) => {
    if (!entry.isTensor) throw new TypeError(`${entry.name} is no tensor`);
    const shape = entry.shape.map((size) => (typeof size === 'number' ? size : -1));
    return { name: entry.name, datatype: datatypeOf(entry.type), shape };
  });

const run = async ({ modelPath, inputs }: RawRequest): Promise<RawRun> => {
  const session = await InferenceSession.create(modelPath, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)]));
    const results = await session.run(feeds);
    return {
      inputs: specs(session.inputMetadata),
      outputs: specs(session.outputMetadata),
      results: Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)])),
    };
  } finally {
    await session.release();
  }
};

process.on('message', (request: RawRequest) => {
  const answer = (reply: RawReply): void => void process.send?.(reply);
  run(request).then(
    (result) => answer({ id: request.id, ok: true, run: result }),
    (error: unknown) =>
      answer({ id: request.id, ok: false, why: error instanceof Error ? error.message : String(error) }),
  );
});
