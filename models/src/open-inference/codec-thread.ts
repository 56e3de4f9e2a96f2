/** Entry of the thread that reads and writes large inference messages: one message in, one message out. */
import { decodeInferRequest, encodeInferResponse } from '@shoal/protocol/wire';
import { gatheredTensors, transferOf, type CodecJob, type CodecResult } from './codec-messages.ts';
import { serveJobs } from './job-thread.ts';

serveJobs<CodecJob, CodecResult>((job) => {
  if (job.kind === 'decode') {
    const request = decodeInferRequest(job.body, job.headerLength);
    const inputs = gatheredTensors(request.inputs);
    return { result: { ...request, inputs }, transfer: transferOf(inputs) };
  }
  const { response, encodings } = job;
  const encoded = encodeInferResponse(response, (name) => encodings[name] ?? { binary: false, nonFinite: 'refuse' });
  const body = new Uint8Array(encoded.body);
  return { result: { ...encoded, body }, transfer: [body.buffer] };
});
