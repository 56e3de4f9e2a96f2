/** A reply as a stream of server-sent events (HTML Living Standard 9.2), with the headers that every answer has. */
import type { FastifyReply } from 'fastify';

/** Where the text of a client goes. */
export interface EventSink {
  /** Bytes that the client has not taken yet. */
  pendingBytes(): number;
  write(text: string): void;
  close(): void;
}

export const openEventStream = (reply: FastifyReply): EventSink => {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Proxies that buffer would hold events back.
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  return {
    pendingBytes: () => raw.writableLength,
    write: (text) => {
      raw.write(text);
    },
    close: () => {
      raw.destroy();
    },
  };
};
