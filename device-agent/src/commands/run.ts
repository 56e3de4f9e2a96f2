/** `shoal-agent run`: an agent until a signal ends it. */
import { pino } from 'pino';
import { createAgent } from '../agent.ts';
import type { AgentConfig } from '../config.ts';

export interface RunOptions {
  /** Ends the process once every sensor source has ended and the server has every record. */
  readonly exitWhenFinished: boolean;
}

/** Logs on standard error; says on standard output, in one line, when it works. Resolves after a graceful stop. */
export const runAgent = async (config: AgentConfig, options: RunOptions): Promise<void> => {
  const logger = pino(
    { level: config.logLevel, base: { deviceId: config.deviceId } },
    pino.destination({ dest: 2, sync: true }),
  );
  const agent = createAgent(config, { logger });
  const ending = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      ending.resolve();
    });
  }
  await agent.start();
  const ready = { event: 'ready', deviceId: config.deviceId, localUrl: agent.localUrl(), pid: process.pid };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  if (options.exitWhenFinished) agent.finished().then(ending.resolve, ending.reject);
  try {
    await ending.promise;
  } finally {
    await agent.stop();
  }
};
