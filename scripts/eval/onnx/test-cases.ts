/** The cases of the ONNX backend tests, as Debian's libonnx-testdata lays them out. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NamedTensor } from '@shoal/protocol';
import { fieldsOf, textOf, varintsOf, type Field } from './protobuf.ts';
import { DATATYPE_BY_NUMBER, readTensorProto } from './tensor-proto.ts';

const SUITES = ['node', 'simple', 'pytorch-converted', 'pytorch-operator'] as const;
const PLACES = ['/usr/share/libonnx-testdata/data', '/usr/lib/python3/dist-packages/onnx/backend/test/data'] as const;

export interface TestCase {
  /** suite/model, and the number of the data set when it is not the first. */
  readonly name: string;
  readonly modelPath: string;
  /** Named as the graph names them, in its order. */
  readonly inputs: readonly NamedTensor[];
  readonly expected: readonly NamedTensor[];
}

export type FoundCase = { readonly name: string } & (
  { readonly usable: TestCase } | { readonly usable: null; readonly reason: string }
);

/** Undefined when the package is not installed. */
export const testDataFolder = (): string | undefined => PLACES.find((place) => existsSync(join(place, 'node')));

/** onnx.proto: ModelProto.graph, GraphProto.initializer, .input and .output, ValueInfoProto.name and .type, TypeProto.tensor_type. */
const GRAPH = 7;
const INITIALIZER = 5;
const INPUT = 11;
const OUTPUT = 12;
const TENSOR_TYPE = 1;

interface GraphValue {
  readonly name: string;
  /** Why it cannot travel; null when it can. */
  readonly fault: string | null;
}

const within = (fields: readonly Field[], number: number): Field[][] =>
  fields.filter((field) => field.number === number).map(({ bytes }) => fieldsOf(bytes));

const graphValue = (info: readonly Field[]): GraphValue => {
  const name = textOf(info, 1);
  const [type = []] = within(info, 2);
  const [tensor] = within(type, TENSOR_TYPE);
  if (tensor === undefined) return { name, fault: 'a sequence, an optional or a map' };
  const number = Number(varintsOf(tensor, 1).at(-1) ?? 0n);
  return { name, fault: DATATYPE_BY_NUMBER.has(number) ? null : `element type ${number} has no datatype` };
};

const graphOf = (model: Uint8Array): { readonly inputs: GraphValue[]; readonly outputs: GraphValue[] } => {
  const [graph = []] = within(fieldsOf(model), GRAPH);
  const constants = new Set(within(graph, INITIALIZER).map((initializer) => textOf(initializer, 8)));
  return {
    inputs: within(graph, INPUT)
      .map(graphValue)
      .filter(({ name }) => !constants.has(name)),
    outputs: within(graph, OUTPUT).map(graphValue),
  };
};

const numberIn = (file: string): number => Number(/_(\d+)\.pb$/.exec(file)?.[1] ?? -1);

const readTensors = async (folder: string, side: 'input' | 'output', values: GraphValue[]): Promise<NamedTensor[]> => {
  const files = (await readdir(folder)).filter((file) => file.startsWith(`${side}_`));
  files.sort((a, b) => numberIn(a) - numberIn(b));
  const tensors = await Promise.all(files.map(async (file) => readTensorProto(await readFile(join(folder, file)))));
  return tensors.map((tensor, index) => ({
    ...tensor,
    name: values.some(({ name }) => name === tensor.name) ? tensor.name : (values[index]?.name ?? tensor.name),
  }));
};

const readCase = async (name: string, modelPath: string, folder: string): Promise<FoundCase> => {
  const { inputs, outputs } = graphOf(await readFile(modelPath));
  const odd = [...inputs, ...outputs].find(({ fault }) => fault !== null);
  if (odd !== undefined) return { name, usable: null, reason: odd.fault ?? '' };
  try {
    const given = await readTensors(folder, 'input', inputs);
    const expected = await readTensors(folder, 'output', outputs);
    return { name, usable: { name, modelPath, inputs: given, expected } };
  } catch (error) {
    return { name, usable: null, reason: error instanceof Error ? error.message : String(error) };
  }
};

/** Every data set of every model, by name. */
export const findCases = async (data: string): Promise<FoundCase[]> => {
  const found: FoundCase[] = [];
  for (const suite of SUITES) {
    const entries: string[] = await readdir(join(data, suite)).catch(() => []);
    const models = entries.toSorted();
    for (const model of models) {
      const folder = join(data, suite, model);
      const modelPath = join(folder, 'model.onnx');
      if (!existsSync(modelPath)) continue;
      const sets = (await readdir(folder)).filter((entry) => entry.startsWith('test_data_set_')).toSorted();
      for (const set of sets) {
        const name = `${suite}/${model}${set.endsWith('_0') ? '' : `#${set.slice('test_data_set_'.length)}`}`;
        found.push(await readCase(name, modelPath, join(folder, set)));
      }
    }
  }
  return found;
};
