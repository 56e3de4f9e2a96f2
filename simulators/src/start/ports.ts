/** Finds out before anything is started whether a port is free, and says which option helps. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { SimulatorError } from '../errors.ts';

/** @throws SimulatorError PORT_TAKEN with the option that helps */
export const assertPortFree = async (port: number, purpose: string, option: string): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  const failed = once(server, 'error').then(([error]) => error as NodeJS.ErrnoException);
  server.listen(port, '127.0.0.1');
  const error = await Promise.race([failed, once(server, 'listening').then(() => undefined)]);
  if (error === undefined) {
    server.close();
    return;
  }
  const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${error.message})`;
  throw new SimulatorError(
    'PORT_TAKEN',
    `Port ${port} for ${purpose} ${why}. Choose another with ${option} N, or any free one with ${option} 0.`,
    { cause: error },
  );
};
