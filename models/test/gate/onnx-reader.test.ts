import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isModelError, readCatalogBundle, readOnnxModel } from '@shoal/models';
import { thrownCode } from '../conditions.ts';
import { DOUBLING, GARBAGE, GREEDY, HANGING, HOARDING } from '../hostile-models.ts';
import { writeOnnx, type OnnxNode } from '../../train/onnx-writer.ts';
import { chunk, ENDS, gate, node, whole, wrap } from './gate-cases.ts';

const code = (bytes: Uint8Array) => thrownCode(() => readOnnxModel(bytes));
const fine = wrap([node('Identity', ['x'], ['score']), ...ENDS]);

describe('the ONNX reader', () => {
  test('reads what the writer wrote', () => {
    const name = fc.stringMatching(/^[a-z]{1,12}$/);
    const anyNode: fc.Arbitrary<OnnxNode> = fc.record({
      op: name,
      inputs: fc.array(name, { maxLength: 3 }),
      outputs: fc.array(name, { maxLength: 2 }),
      attributes: fc.dictionary(
        name,
        fc.integer().map((int) => ({ int })),
        { maxKeys: 2, noNullPrototype: true },
      ),
    });
    const shape = fc.array(fc.oneof(fc.nat(1e9), name), { maxLength: 4 });
    const tensor = fc
      .array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), { maxLength: 8 })
      .map((values) => ({ element: 'INT64' as const, shape: [values.length], values }));
    const graphs = fc.record({
      name,
      inputs: fc.array(fc.record({ name, element: fc.constant('FP32' as const), shape }), { maxLength: 3 }),
      outputs: fc.constant([]),
      nodes: fc.array(anyNode, { maxLength: 5 }),
      initializers: fc.dictionary(name, tensor, { maxKeys: 3, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(graphs, (graph) => {
        const read = readOnnxModel(writeOnnx(graph));
        expect(read).toMatchObject({ irVersion: 9, opsets: { '': 18 }, functions: [] });
        expect(read.graph.nodes.map(({ operator, inputs, outputs }) => ({ operator, inputs, outputs }))).toEqual(
          graph.nodes.map(({ op, inputs, outputs }) => ({ operator: op, inputs, outputs })),
        );
        expect(read.graph.nodes.map(({ attributes }) => attributes.map((a) => [a.name, { int: a.integer }]))).toEqual(
          graph.nodes.map(({ attributes = {} }) => Object.entries(attributes)),
        );
        expect(read.graph.initializers.map((t) => [t.name, t.shape, t.elements])).toEqual(
          Object.entries(graph.initializers).map(([key, { shape: sizes, values }]) => [key, sizes, values]),
        );
        expect(read.graph.inputs.map((input) => input.shape)).toEqual(
          graph.inputs.map((input) => input.shape.map((size) => (typeof size === 'string' ? -1 : size))),
        );
      }),
    );
  });

  test.each([
    ['text', GARBAGE],
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(256)],
    ['a varint without end', Uint8Array.of(8, ...Array.from({ length: 10 }, () => 0xff), 1)],
    ['a varint that is cut off', Uint8Array.of(8, 0x80)],
    ['a length beyond the end', Uint8Array.of(0x3a, 0x10, 0)],
    ['a length of four gigabytes', Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0)],
    ['a group', Uint8Array.of(0x3b, 0x3c)],
    ['a wire type that is none', Uint8Array.of(0x3f, 0)],
    ['a field 0', Uint8Array.of(2, 0)],
    ['a fixed field that is cut off', Uint8Array.of(0x3d, 0)],
    ['a graph that is a number', whole(7, 1)],
    ['two graphs', Buffer.concat([fine, chunk(7, '')])],
    ['a tensor of an unknown type', wrap([chunk(5, Buffer.concat([whole(1, 1), whole(2, 99)]))])],
    [
      'a tensor with less than it declares',
      wrap([chunk(5, Buffer.concat([whole(1, 9), whole(2, 1), chunk(9, 'abcd')]))]),
    ],
    ['a tensor of nothing', wrap([chunk(5, Buffer.concat([whole(1, 9), whole(2, 7)]))])],
    ['a segment of a tensor', wrap([chunk(5, Buffer.concat([whole(2, 1), chunk(3, '')]))])],
  ])('refuses %s', (_, bytes) => {
    expect(code(bytes)).toBe('MODEL_MALFORMED');
  });

  test('refuses every model that is cut off', () => {
    for (let length = 0; length < DOUBLING.length - 4; length += 1)
      expect([length, code(DOUBLING.subarray(0, length))]).not.toEqual([length, 'returned']);
  });

  test('bounds what it makes of a file', () => {
    const nodes = Buffer.alloc(2_400_000, Uint8Array.of(10, 0));
    expect(code(wrap([nodes]))).toBe('MODEL_GATE_REFUSED');
    expect(code(wrap([node('Identity', ['n'.repeat(70_000)], [])]))).toBe('MODEL_GATE_REFUSED');
  });

  test('throws nothing but its own errors at ten thousand mutants of real models', async () => {
    const { modelPath } = await readCatalogBundle('pump-anomaly', '1.0.0');
    const models = [await readFile(modelPath), DOUBLING, GREEDY, HANGING, HOARDING].map((bytes) => Buffer.from(bytes));
    const edits = fc.array(fc.tuple(fc.nat(1e9), fc.nat(255)), { minLength: 1, maxLength: 8 });
    const outcomes = new Map<string, number>();
    const tryOut = (original: Buffer, changes: [number, number][], cut: number): void => {
      const mutant = Buffer.from(original);
      for (const [at, byte] of changes) mutant[at % mutant.length] = byte;
      try {
        gate(cut === 0 ? mutant.subarray(0, mutant.length / 2) : mutant, ['control-flow']);
        outcomes.set('passed', (outcomes.get('passed') ?? 0) + 1);
      } catch (error) {
        if (!isModelError(error)) throw error;
        outcomes.set(error.code, (outcomes.get(error.code) ?? 0) + 1);
      }
    };
    const property = fc.property(fc.constantFrom(...models), edits, fc.nat(20), tryOut);
    fc.assert(property, { numRuns: 10_000 });
    expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['passed', 'MODEL_MALFORMED', 'MODEL_GATE_REFUSED']));
  }, 60_000);
});
