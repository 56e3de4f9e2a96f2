/** A port on loopback for a server that is killed and started again: nobody is given it by chance in between. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Linux gives ports from 32768 up to outgoing connections and to whoever listens on port 0; below 10240 live well-known servers. */
const FIRST = 10_240;
const END = 32_768;

/** @returns a port on which nobody listened a moment ago */
export const lastingPort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) return port;
  }
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
};
