/** Messages of ModelInfer, read and written without holding the event loop for long. */
import { Injectable } from '@nestjs/common';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { JobThread } from '@shoal/models';
import type { InferResponse } from '@shoal/protocol';
import {
  decodeInfer,
  decodeJob,
  encodeInfer,
  encodeJob,
  type GrpcAsked,
  type GrpcJob,
  type GrpcResult,
  type InferMethod,
} from './infer-bytes.ts';
import { isCheapRequest, isCheapResponse } from './infer-cost.ts';
import { readServiceDefinition } from './service-definition.ts';

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const asIs = (bytes: Buffer): Buffer => bytes;

@Injectable()
export class InferWire {
  private readonly thread = new JobThread<GrpcJob, GrpcResult>(new URL(`./infer-thread${extension}`, import.meta.url));
  private method: InferMethod | undefined;

  /** The service whose ModelInfer is given bytes, and gives bytes. Before anything is read or written. */
  open(): ServiceDefinition {
    const service = readServiceDefinition();
    const infer = service['ModelInfer'] as ServiceDefinition[string];
    this.method = infer;
    return { ...service, ModelInfer: { ...infer, requestDeserialize: asIs, responseSerialize: asIs } };
  }

  /** Rejects with ProtocolError, and as `JobThread.ask`. */
  async decode(bytes: Buffer): Promise<GrpcAsked> {
    if (isCheapRequest(bytes)) return decodeInfer(bytes, this.opened());
    const { job, transfer } = decodeJob(bytes);
    return (await this.thread.ask(job, transfer)) as GrpcAsked;
  }

  /** Rejects as `JobThread.ask`. */
  async encode(response: InferResponse, isRaw: boolean): Promise<Buffer> {
    if (isCheapResponse(response, isRaw)) return encodeInfer(response, isRaw, this.opened());
    const { job, transfer } = encodeJob(response, isRaw);
    const bytes = (await this.thread.ask(job, transfer)) as Uint8Array;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  async stop(): Promise<void> {
    await this.thread.stop();
  }

  private opened(): InferMethod {
    if (this.method === undefined) throw new TypeError('the service is not open');
    return this.method;
  }
}
