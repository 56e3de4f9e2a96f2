import { describe, expect, test } from '@jest/globals';
import { gateRulesOf, passGate, readCatalogBundle, type GateFlag } from '@shoal/models';
import { readFile } from 'node:fs/promises';
import { thrownCode } from '../conditions.ts';
import { DOUBLING, GIGABYTE_CONSTANT, HANGING } from '../hostile-models.ts';
import {
  chunk,
  ENDS,
  functionNode,
  gate,
  IDENTITY,
  integer,
  model,
  node,
  number,
  rules,
  sizes,
  whole,
  wrap,
} from './gate-cases.ts';

const code = (bytes: Uint8Array, allow: readonly GateFlag[] = []) => thrownCode(() => gate(bytes, allow));
const identity = node('Identity', ['x'], ['score']);

describe('the static gate', () => {
  test('reports what the shipped model is made of', async () => {
    const bundle = await readCatalogBundle('pump-anomaly', '1.0.0');
    const report = passGate(await readFile(bundle.modelPath), gateRulesOf(bundle.manifest));
    expect(report).toMatchObject({ irVersion: 9, opsets: { '': 18 }, nodeCount: 12, flags: [], declaredBytes: 0 });
    expect(report.operators).toMatchObject({ Gemm: 4, Tanh: 3 });
    expect(report.initializerBytes).toBeGreaterThan(1_000);
  });

  test('refuses versions that no engine here reads', () => {
    const at = (ir: number, opset: number): Uint8Array =>
      Buffer.concat([whole(1, ir), chunk(7, Buffer.concat([identity, ...ENDS])), chunk(8, whole(2, opset))]);
    expect(code(at(9, 18))).toBe('returned');
    expect([code(at(0, 18)), code(at(14, 18)), code(at(9, 27)), code(at(9, 0))]).toEqual(
      Array.from({ length: 4 }, () => 'MODEL_GATE_REFUSED'),
    );
  });

  test('refuses operators of a domain nobody knows, and asks leave for those of a vendor', () => {
    const of = (domain: string): Uint8Array => wrap([node('Identity', ['x'], ['score'], [chunk(7, domain)]), ...ENDS]);
    expect(code(of('ai.onnx'))).toBe('returned');
    expect(code(of('ai.onnx.ml'))).toBe('returned');
    expect(code(of('org.evil'), ['vendor-operators', 'local-functions', 'control-flow'])).toBe('MODEL_GATE_REFUSED');
    expect(code(of('com.microsoft'))).toBe('MODEL_GATE_REFUSED');
    expect(gate(of('com.microsoft'), ['vendor-operators']).flags).toEqual(['vendor-operators']);
  });

  test('asks leave for loops and branches, also inside of functions', () => {
    expect(code(HANGING)).toBe('MODEL_GATE_REFUSED');
    expect(gate(HANGING, ['control-flow'])).toMatchObject({ flags: ['control-flow'], nodeCount: 4 });
    const body = chunk(25, Buffer.concat([chunk(1, 'f'), chunk(10, 'own'), functionNode('Loop', ['a'], ['b'])]));
    const calling = wrap([node('f', ['x'], ['score'], [chunk(7, 'own')]), ...ENDS], [body]);
    expect(code(calling, ['local-functions'])).toBe('MODEL_GATE_REFUSED');
    expect(gate(calling, ['local-functions', 'control-flow']).flags).toEqual(['control-flow', 'local-functions']);
  });

  test('counts functions written out, so that doubling calls do not pass, and refuses those that call themselves', () => {
    const call = (name: string, value: string): Uint8Array => functionNode(name, ['a'], [value], [chunk(7, 'own')]);
    const func = (name: string, body: Uint8Array[]): Uint8Array =>
      chunk(25, Buffer.concat([chunk(1, name), chunk(10, 'own'), ...body]));
    const laughs = Array.from({ length: 30 }, (_, i) =>
      func(`f${i}`, [call(`f${i + 1}`, 'b'), call(`f${i + 1}`, 'c')]),
    );
    const start = [node('f0', ['x'], ['score'], [chunk(7, 'own')]), ...ENDS];
    expect(code(wrap(start, [...laughs, func('f30', [])]), ['local-functions'])).toBe('MODEL_GATE_REFUSED');
    expect(code(wrap(start, [func('f0', [call('f0', 'b')])]), ['local-functions'])).toBe('MODEL_GATE_REFUSED');
    expect(code(wrap(start, [func('f0', [])]), ['local-functions'])).toBe('returned');
  });

  test('refuses names that are given twice', () => {
    expect(code(model([IDENTITY, IDENTITY]))).toBe('MODEL_GATE_REFUSED');
    const x = { name: 'x', element: 'FP32' as const, shape: ['n', 1] };
    expect(code(model([IDENTITY], {}, { inputs: [x, x] }))).toBe('MODEL_GATE_REFUSED');
  });

  test('refuses training information and weights in other files, wherever they are named', () => {
    expect(code(wrap([identity, ...ENDS], [chunk(20, '')]))).toBe('MODEL_GATE_REFUSED');
    const location = chunk(13, Buffer.concat([chunk(1, 'location'), chunk(2, '../../../../etc/passwd')]));
    const outside = Buffer.concat([whole(1, 4), whole(2, 1), location]);
    expect(code(wrap([identity, chunk(5, outside), ...ENDS]))).toBe('MODEL_GATE_REFUSED');
    const attribute = chunk(5, Buffer.concat([chunk(1, 'value'), chunk(5, outside)]));
    expect(code(wrap([identity, node('Constant', [], ['c'], [attribute]), ...ENDS]))).toBe('MODEL_GATE_REFUSED');
    const inner = chunk(5, Buffer.concat([chunk(1, 'body'), chunk(6, node('Constant', [], ['d'], [attribute]))]));
    const nested = wrap([identity, node('Loop', [], ['c'], [inner]), ...ENDS]);
    expect(code(nested, ['control-flow'])).toBe('MODEL_GATE_REFUSED');
  });

  test('holds inputs and outputs against the manifest, as the engines do', () => {
    const signature = rules().signature;
    const against = (patch: object) =>
      thrownCode(() => passGate(DOUBLING, rules({ signature: { ...signature, ...patch } })));
    const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 1] };
    expect(against({})).toBe('returned');
    expect(against({ inputs: [{ ...spec, shape: [4, 1] }] })).toBe('returned');
    for (const inputs of [[], [{ ...spec, datatype: 'FP64' }], [{ ...spec, shape: [-1] }], [{ ...spec, name: 'y' }]])
      expect(against({ inputs })).toBe('MODEL_SIGNATURE_MISMATCH');
    expect(against({ outputs: [{ ...spec, name: 'other' }] })).toBe('MODEL_SIGNATURE_MISMATCH');
  });

  test('refuses graphs that nest without end', () => {
    let graph = Buffer.from(node('Identity', ['a'], ['b']));
    for (let depth = 0; depth < 10_000; depth += 1)
      graph = Buffer.from(node('If', ['a'], ['b'], [chunk(5, chunk(6, graph))]));
    expect(code(wrap([graph, ...ENDS]), ['control-flow'])).toBe('MODEL_GATE_REFUSED');
  });
});

describe('sizes that constants declare', () => {
  const filled = { op: 'ConstantOfShape', inputs: ['size'], outputs: ['big'] };
  const large = {
    'a constant of a gigabyte': GIGABYTE_CONSTANT,
    'a constant of 2^40 elements': model([IDENTITY, filled], { size: sizes(2 ** 20, 2 ** 20) }),
    'a shape put together of constants': model(
      [
        IDENTITY,
        { op: 'Concat', inputs: ['size', 'size'], outputs: ['sizes'], attributes: { axis: { int: 0 } } },
        { ...filled, inputs: ['sizes'] },
      ],
      { size: sizes(65_536) },
    ),
    'a shape in a constant node': model([
      IDENTITY,
      { op: 'Constant', inputs: [], outputs: ['size'], attributes: { value: { tensor: sizes(2 ** 30) } } },
      filled,
    ]),
    expansion: model([{ op: 'Expand', inputs: ['x', 'size'], outputs: ['score'] }], { size: sizes(2 ** 28, 1) }),
    'tiles of a constant': model([IDENTITY, { op: 'Tile', inputs: ['v', 'size'], outputs: ['big'] }], {
      v: sizes(1, 2, 3, 4),
      size: sizes(2 ** 24),
    }),
    'a range': model([IDENTITY, { op: 'Range', inputs: ['from', 'to', 'by'], outputs: ['big'] }], {
      from: integer(0),
      to: integer(2 ** 40),
      by: integer(1),
    }),
    'a depth of one-hot': model([IDENTITY, { op: 'OneHot', inputs: ['at', 'depth', 'v'], outputs: ['big'] }], {
      at: sizes(1),
      depth: integer(2 ** 30),
      v: { element: 'FP32', shape: [2], values: [0, 1] },
    }),
    'a size to resize to': model([{ op: 'Resize', inputs: ['x', '', '', 'size'], outputs: ['score'] }], {
      size: sizes(2 ** 26, 1),
    }),
    padding: model([{ op: 'Pad', inputs: ['x', 'pads'], outputs: ['score'] }], { pads: sizes(0, 2 ** 30, 0, 0) }),
    'random numbers': model([
      IDENTITY,
      { op: 'RandomNormal', inputs: [], outputs: ['big'], attributes: { shape: { ints: [2 ** 30] } } },
    ]),
    'many that fit alone': model(
      [IDENTITY, ...Array.from({ length: 5 }, (_, i) => ({ ...filled, outputs: [`big${i}`] }))],
      { size: sizes(2 ** 20) },
    ),
    'weights beyond the manifest': model([IDENTITY], {
      w: { element: 'FP32', shape: [5 * 2 ** 20], values: new Float32Array(5 * 2 ** 20) },
    }),
  };
  test.each(Object.entries(large))('%s is too large', (_, bytes) => {
    expect(code(bytes)).toBe('MODEL_TOO_LARGE');
  });

  test('are seen in the body of a loop, whose constants may lie outside of it', () => {
    const body = { name: 'b', inputs: [], outputs: [], nodes: [filled] };
    const bytes = model(
      [IDENTITY, { op: 'Loop', inputs: ['n', ''], outputs: ['l'], attributes: { body: { graph: body } } }],
      { n: integer(1), size: sizes(2 ** 30) },
    );
    expect(code(bytes, ['control-flow'])).toBe('MODEL_TOO_LARGE');
  });

  test('are no reason to refuse what fits, or what cannot be known', () => {
    const fits = [
      model([IDENTITY, filled], { size: sizes(1_000) }),
      model([IDENTITY, filled, { op: 'Shape', inputs: ['x'], outputs: ['size'] }].toReversed()),
      model([{ op: 'Add', inputs: ['x', 'one'], outputs: ['score'] }], { one: number(1) }),
      model([{ op: 'Resize', inputs: ['x', '', 'scales'], outputs: ['score'] }], {
        scales: { element: 'FP32', shape: [2], values: [2, 1] },
      }),
    ];
    expect(fits.map((bytes) => code(bytes))).toEqual(fits.map(() => 'returned'));
  });
});
