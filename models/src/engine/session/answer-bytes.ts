/** What an answer weighs for the process that reads it. */
import type { Tensors } from '@shoal/protocol/wire';

/** Of a string, beside what it holds: to its reader it is an object. */
const STRING_BYTES = 64;

export const answerBytes = (outputs: Tensors): number => {
  let total = 0;
  for (const { data } of Object.values(outputs)) {
    if (data instanceof Array) for (const item of data) total += item.byteLength + STRING_BYTES;
    else total += data.byteLength;
  }
  return total;
};
