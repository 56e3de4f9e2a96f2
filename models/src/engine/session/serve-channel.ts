/** Joins the sessions of an engine process to its parent's channel. */
import type { HelloMessage, ChildRequest } from '../child/framing.ts';
import { ModelSessions } from './model-sessions.ts';
import type { OrtRuntime } from './ort-runtime.ts';

/** The channel of a process started with one; `process` is it. */
export interface ParentChannel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  send?: (message: unknown) => boolean;
  exit(code: number): void;
}

/** FP16 must travel as 16-bit patterns; where the runtime takes another array for it (onnxruntime#26791) the engine would lie. Throws. */
const selfTest = (runtime: OrtRuntime): void => {
  const half = runtime.createTensor('float16', Uint16Array.of(0x3c00), [1]);
  if (!(half.data instanceof Uint16Array) || half.data[0] !== 0x3c00)
    throw new Error('float16 tensors do not keep their bits');
};

/** Answers requests in the order they come; ends with the channel, so that no engine outlives its parent. */
export const serveChannel = (runtime: OrtRuntime, channel: ParentChannel): void => {
  const sessions = new ModelSessions(runtime);
  const answer = async (request: ChildRequest): Promise<void> => void channel.send?.(await sessions.answer(request));
  let tail = Promise.resolve();
  selfTest(runtime);
  channel.on('disconnect', () => channel.exit(0));
  channel.on('message', (message) => {
    tail = tail.then(() => answer(message as ChildRequest));
  });
  channel.send?.({ type: 'hello', runtime: runtime.description } satisfies HelloMessage);
};
