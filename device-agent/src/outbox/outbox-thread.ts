/** Entry of the worker thread that runs the outbox writer: one message in, one message out. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WriterAnswer, WriterOptions, WriterReply, WriterRequest } from './outbox-messages.ts';
import { OutboxWriter } from './outbox-writer.ts';

const writer = new OutboxWriter(workerData as WriterOptions);
const reply = (id: number, answer: WriterAnswer): void => parentPort?.postMessage({ id, answer } satisfies WriterReply);

parentPort?.on('message', ({ id, request }: { id: number; request: WriterRequest }) => {
  if (request.op !== 'close') return reply(id, writer.answer(request));
  writer.close();
  parentPort?.close();
});
reply(0, writer.open());
