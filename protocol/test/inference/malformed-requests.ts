/** Bodies that the tests of malformed messages are made from, and the code a codec answers with. */
import { ProtocolError } from '../../src/index.ts';

export const faultOf = (act: () => unknown): ProtocolError | null => {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  return null;
};
export const codeOf = (act: () => unknown): string => faultOf(act)?.code ?? 'ok';
/** An input of a request, as it should be. */
export const x = { name: 'x', shape: [2], datatype: 'INT32', data: [1, 2] };

/** The same with `size` bytes of binary data announced in place of data. */
export const announced = (change: object, size: number): object => ({
  ...x,
  data: undefined,
  ...change,
  parameters: { binary_data_size: size },
});

/** A request as text, for what `JSON.stringify` would not write. */
export const rawRequest = (datatype: string, shape: string, data: string): string =>
  `{"inputs":[{"name":"x","shape":${shape},"datatype":"${datatype}","data":${data}}]}`;
