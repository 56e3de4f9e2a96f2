/** Joins the sessions of an engine process to its parent's channel. */
import type { HelloMessage, ChildRequest } from '../child/framing.ts';
import type { ModelRuntime } from './model-runtime.ts';
import { ModelSessions } from './model-sessions.ts';

/** The channel of a process started with one; `process` is it. */
export interface ParentChannel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  send?: (message: unknown) => boolean;
  exit(code: number): void;
}

/** Answers requests in the order they come; ends with the channel, so that no engine outlives its parent. */
export const serveChannel = (runtime: ModelRuntime, channel: ParentChannel): void => {
  const sessions = new ModelSessions(runtime);
  const answer = async (request: ChildRequest): Promise<void> => void channel.send?.(await sessions.answer(request));
  let tail = Promise.resolve();
  channel.on('disconnect', () => channel.exit(0));
  channel.on('message', (message) => {
    tail = tail.then(() => answer(message as ChildRequest));
  });
  channel.send?.({ type: 'hello', runtime: runtime.description } satisfies HelloMessage);
};
