/** The six calls of the Open Inference Protocol over gRPC, from the same models, rules and numbers as over HTTP. */
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { Injectable } from '@nestjs/common';
import { answerInferRequest, ModelError, modelMetadata, OPEN_INFERENCE_EXTENSIONS } from '@shoal/models';
import type { ModelMetadata } from '@shoal/protocol';
import { readVersion } from '../../version.ts';
import type { ModelVersion } from '../model-version.ts';
import { ServedModels } from '../served-models.service.ts';
import { Surroundings } from '../surroundings.service.ts';
import type { ModelReference } from './grpc-messages.ts';
import { InferWire } from './infer-wire.service.ts';

@Injectable()
export class InferenceCalls {
  private readonly around: Surroundings;
  private readonly models: ServedModels;
  private readonly wire: InferWire;
  private readonly version = readVersion();

  constructor(around: Surroundings, models: ServedModels, wire: InferWire) {
    this.around = around;
    this.models = models;
    this.wire = wire;
  }

  async serverLive(): Promise<object> {
    return { live: true };
  }

  async serverReady(): Promise<object> {
    return { ready: this.models.list().every((model) => model.state().state === 'READY') };
  }

  async serverMetadata(): Promise<object> {
    return { name: 'shoal', version: this.version, extensions: [...OPEN_INFERENCE_EXTENSIONS] };
  }

  async modelReady({ request }: ServerUnaryCall<ModelReference, object>): Promise<object> {
    return { ready: this.model(request).state().state === 'READY' };
  }

  async modelMetadata({ request }: ServerUnaryCall<ModelReference, object>): Promise<ModelMetadata> {
    const model = this.model(request);
    const versions = this.models.list().filter(({ manifest }) => manifest.name === model.manifest.name);
    return modelMetadata(model, versions);
  }

  /** A ModelInferRequest and a ModelInferResponse, as bytes. */
  async modelInfer(call: ServerUnaryCall<Buffer, Buffer>): Promise<Buffer> {
    const left = new AbortController();
    call.on('cancelled', () => left.abort());
    if (call.cancelled) left.abort();
    const dueAt = Number(call.getDeadline());
    const { model: name, version, isRaw, request } = await this.wire.decode(call.request);
    const model = this.model({ name, version });
    const deadlineMs = Math.min(this.around.config.inference.deadlineMs, Math.max(0, dueAt - Date.now()));
    const response = await answerInferRequest(request, model, { deadlineMs, signal: left.signal });
    return this.wire.encode(response, isRaw);
  }

  private model({ name, version }: ModelReference): ModelVersion {
    const model = this.models.get(name, version === '' ? undefined : version);
    if (model !== undefined) return model;
    throw new ModelError('MODEL_NOT_FOUND', `There is no model ${name}${version === '' ? '' : ` ${version}`}`);
  }
}
