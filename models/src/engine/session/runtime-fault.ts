/** Codes for what onnxruntime throws: its errors carry none, so this one place reads their text. */
import { asModelError, ModelError, type ModelErrorCode } from '../../errors.ts';

const OUT_OF_MEMORY =
  /bad_alloc|failed to allocate memory|out of memory|allocation failed|cannot enlarge memory|buffer allocation|available memory/i;

/** `otherwise` for everything that is not about memory. */
export const runtimeFault = (error: unknown, otherwise: ModelErrorCode): ModelError => {
  const fault = asModelError(error, otherwise);
  return fault.code === otherwise && OUT_OF_MEMORY.test(fault.message)
    ? new ModelError('ENGINE_OUT_OF_MEMORY', fault.message, { cause: error })
    : fault;
};
