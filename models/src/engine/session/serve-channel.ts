/** Joins the sessions of an engine process to its parent's channel. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ModelRuntime } from './model-runtime.ts';
import { ModelSessions } from './model-sessions.ts';
import { CHANNEL_FD, ParentChannel } from './parent-channel.ts';

/** Answers requests in the order they come; resolves when the parent is gone, so that no engine outlives it. */
export const serveChannel = async (runtime: ModelRuntime): Promise<void> => {
  const sessions = new ModelSessions(runtime);
  const channel = new ParentChannel(CHANNEL_FD);
  channel.send({ type: 'hello', runtime: runtime.description });
  for (let request = channel.receive(); request !== null; request = channel.receive()) {
    channel.send(await sessions.answer(request));
    // Once the answer is on its way: what the runtime left to be cleaned up.
    await turn();
  }
};
