/** The Open Inference Protocol v2 over any transport: a request in, an answer out, nothing thrown. */
import type { ServerLive, ServerMetadata, ServerReady, ModelReady } from '@shoal/protocol/wire';
import { ModelError } from '../errors.ts';
import { headerOf, jsonAnswer, type OpenInferenceAnswer, type OpenInferenceRequest } from './exchange.ts';
import { faultAnswer } from './fault-answer.ts';
import { answerInfer } from './infer-call.ts';
import type { InferenceCodec } from './inference-codec.port.ts';
import { modelOpenApi } from './model-openapi.ts';
import type { ModelRepository, ServedModel } from './model-repository.port.ts';
import { modelConfig, modelMetadata, modelStatistics } from './model-views.ts';
import { answerPredict } from './predict-call.ts';
import { answerIndex, answerRepositoryChange } from './repository-call.ts';
import { matchRoute, type MatchedRoute } from './route-table.ts';

export interface OpenInferenceOptions {
  readonly repository: ModelRepository;
  readonly codec: InferenceCodec;
  /** Of the server, as its metadata says. */
  readonly name: string;
  readonly version: string;
  /** Milliseconds a request may take; `parameters.timeout` only shortens. */
  readonly deadlineMs: number;
}

/** Beside the protocol itself; under the names that Triton gave them. */
export const OPEN_INFERENCE_EXTENSIONS = [
  'binary_tensor_data',
  'model_configuration',
  'model_repository',
  'schedule_policy',
  'statistics',
] as const;

const isReady = (model: ServedModel): boolean => model.state().state === 'READY';

export class OpenInferenceService {
  readonly #options: OpenInferenceOptions;

  constructor(options: OpenInferenceOptions) {
    this.#options = options;
  }

  /** Undefined for a path that is not of the protocol. At once where nothing has to be waited for; never rejects. */
  answer(request: OpenInferenceRequest): Promise<OpenInferenceAnswer> | OpenInferenceAnswer | undefined {
    try {
      const match = matchRoute(request.method, request.path);
      if (match.found === 'route') {
        const answer = this.#serve(request, match.route);
        return answer instanceof Promise ? answer.catch(faultAnswer) : answer;
      }
      if (match.found === 'nothing') return request.path.startsWith('/v2/') ? unknownPath(request.path) : undefined;
      const allow = { allow: match.allowed.join(', ') };
      if (request.method === 'OPTIONS') return { status: 204, headers: allow, body: new Uint8Array() };
      const fault = new ModelError('METHOD_NOT_ALLOWED', `${request.method} is not answered at ${request.path}`);
      return faultAnswer(fault, { headers: allow });
    } catch (error) {
      return faultAnswer(error);
    }
  }

  /** Throws or rejects with what `faultAnswer` takes. */
  #serve(request: OpenInferenceRequest, route: MatchedRoute): Promise<OpenInferenceAnswer> | OpenInferenceAnswer {
    const encoding = headerOf(request, 'content-encoding') ?? 'identity';
    if (encoding.toLowerCase() !== 'identity')
      throw new ModelError(
        'CONTENT_ENCODING_UNSUPPORTED',
        `Content-Encoding ${encoding} is not spoken here; send plain`,
      );
    const { repository, deadlineMs } = this.#options;
    switch (route.call) {
      case 'server-metadata':
        return jsonAnswer(this.#metadata());
      case 'server-live':
        return jsonAnswer({ live: true } satisfies ServerLive);
      case 'server-ready':
        return this.#ready();
      case 'server-statistics':
        return jsonAnswer(modelStatistics(repository.list()));
      case 'predict':
        return answerPredict(request, repository, deadlineMs);
      case 'repository-index':
        return answerIndex(request, repository);
      case 'repository-load':
        return answerRepositoryChange(request, repository, 'load', route.model);
      case 'repository-unload':
        return answerRepositoryChange(request, repository, 'unload', route.model);
      case 'model-metadata':
      case 'model-ready':
      case 'model-infer':
      case 'model-config':
      case 'model-statistics':
      case 'model-openapi':
        return this.#serveModel(request, route.call, route);
    }
  }

  #serveModel(
    request: OpenInferenceRequest,
    call: Extract<MatchedRoute['call'], `model-${string}`>,
    route: MatchedRoute,
  ): Promise<OpenInferenceAnswer> | OpenInferenceAnswer {
    const model = this.#model(route);
    switch (call) {
      case 'model-metadata':
        return jsonAnswer(modelMetadata(model, this.#versionsOf(model)));
      case 'model-ready':
        return jsonAnswer(
          { name: model.manifest.name, ready: isReady(model) } satisfies ModelReady,
          isReady(model) ? 200 : 503,
        );
      case 'model-config':
        return jsonAnswer(modelConfig(model));
      case 'model-statistics':
        return jsonAnswer(modelStatistics(route.version === undefined ? this.#versionsOf(model) : [model]));
      case 'model-openapi':
        return jsonAnswer(modelOpenApi(model.manifest));
      case 'model-infer':
        return this.#guarded(model, answerInfer(request, model, this.#options));
    }
  }

  /** A full queue says when to come again. */
  #guarded(model: ServedModel, answer: Promise<OpenInferenceAnswer>): Promise<OpenInferenceAnswer> {
    return answer.catch((error: unknown) => faultAnswer(error, { retryAfterMs: model.retryAfterMs() }));
  }

  #model({ model, version }: MatchedRoute): ServedModel {
    const found = this.#options.repository.get(model, version);
    if (found !== undefined) return found;
    throw new ModelError('MODEL_NOT_FOUND', `There is no model ${model}${version === undefined ? '' : ` ${version}`}`);
  }

  #versionsOf({ manifest }: ServedModel): readonly ServedModel[] {
    return this.#options.repository.list().filter((model) => model.manifest.name === manifest.name);
  }

  #metadata(): ServerMetadata {
    const { name, version } = this.#options;
    return { name, version, extensions: [...OPEN_INFERENCE_EXTENSIONS] };
  }

  /** The server is ready when all its models are. */
  #ready(): OpenInferenceAnswer {
    const ready = this.#options.repository.list().every(isReady);
    return jsonAnswer({ live: true, ready } satisfies ServerReady, ready ? 200 : 503);
  }
}

const unknownPath = (path: string): OpenInferenceAnswer =>
  faultAnswer(new ModelError('ROUTE_NOT_FOUND', `${path.slice(0, 80)} is no path of the Open Inference Protocol`));
