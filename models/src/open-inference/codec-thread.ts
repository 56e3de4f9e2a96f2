/** Entry of the thread that reads and writes large inference messages: one message in, one message out. */
import { parentPort } from 'node:worker_threads';
import { decodeInferRequest, encodeInferResponse, ProtocolError } from '@shoal/protocol';
import {
  gatheredTensors,
  transferOf,
  type CodecAnswer,
  type CodecCall,
  type CodecJob,
  type CodecReply,
} from './codec-messages.ts';

const work = (job: CodecJob): { readonly answer: CodecAnswer; readonly transfer: ArrayBuffer[] } => {
  if (job.kind === 'decode') {
    const request = decodeInferRequest(job.body, job.headerLength);
    const inputs = gatheredTensors(request.inputs);
    return { answer: { ok: true, result: { ...request, inputs } }, transfer: transferOf(inputs) };
  }
  const { response, encodings } = job;
  const encoded = encodeInferResponse(response, (name) => encodings[name] ?? { binary: false, nonFinite: 'refuse' });
  const body = new Uint8Array(encoded.body);
  return { answer: { ok: true, result: { ...encoded, body } }, transfer: [body.buffer] };
};

const attempt = (job: CodecJob): ReturnType<typeof work> => {
  try {
    return work(job);
  } catch (error) {
    const code = error instanceof ProtocolError ? error.code : null;
    const message = error instanceof Error ? error.message : String(error);
    return { answer: { ok: false, code, message }, transfer: [] };
  }
};

parentPort?.on('message', ({ id, job }: CodecCall) => {
  const { answer, transfer } = attempt(job);
  parentPort?.postMessage({ id, answer } satisfies CodecReply, transfer);
});
