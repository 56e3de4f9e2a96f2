/** Answers one leased run with its model: features of the entity looked up now, rows scheduled after everybody who waits. */
import { Injectable } from '@nestjs/common';
import { answerInferRequest, judgedPrediction, ModelError, namedFault, PRIORITIES, tensorCells } from '@shoal/models';
import {
  decodeInferRequest,
  encodeInferResponse,
  tensorsByName,
  type InferResponse,
  type PredictionAnswer,
} from '@shoal/protocol';
import type { ModelVersion } from '../inference/model-version.ts';
import { ServedModels } from '../inference/served-models.service.ts';
import type { LeasedRun, RunOutcome } from '../ports/prediction-queue.ts';
import { afterFault } from './retry-policy.ts';
import { Surroundings } from './surroundings.service.ts';

const PLAIN = { binary: false, nonFinite: 'refuse' } as const;
const WIDE: ReadonlySet<string> = new Set(['INT64', 'UINT64']);

@Injectable()
export class RunAnswers {
  private readonly models: ServedModels;
  private readonly around: Surroundings;

  constructor(models: ServedModels, around: Surroundings) {
    this.models = models;
    this.around = around;
  }

  model({ model, version }: Pick<LeasedRun, 'model' | 'version'>): ModelVersion | undefined {
    return this.models.get(model, version);
  }

  /** Never rejects. */
  async answer(run: LeasedRun, signal: AbortSignal): Promise<RunOutcome> {
    try {
      return { kind: 'answered', answer: await this.infer(run, signal) };
    } catch (error) {
      const fault = namedFault(error);
      if (fault.code === 'INTERNAL') this.around.log.error({ err: error, model: run.model }, 'a prediction failed');
      const outcome = afterFault(fault, {
        now: this.around.clock.now(),
        attempts: run.attempts,
        failures: run.failures,
        maxAttempts: this.around.config.maxAttempts,
        random: Math.random(),
      });
      if (outcome.kind === 'again') {
        this.around.metrics.count('prediction_attempts_failed_total', 1, { code: fault.code });
      }
      return outcome;
    }
  }

  private async infer(run: LeasedRun, signal: AbortSignal): Promise<PredictionAnswer> {
    const model = this.model(run);
    if (model === undefined) throw new ModelError('MODEL_NOT_FOUND', `There is no model ${run.model} ${run.version}`);
    const asked = decodeInferRequest(run.asked);
    const response = await answerInferRequest(asked, model, {
      deadlineMs: this.around.config.runTimeoutMs,
      signal,
      options: { priority: PRIORITIES.BATCH, acceptsLate: true },
    });
    const rows = asked.inputs[0]?.shape[0] ?? 1;
    return {
      prediction: judgedPrediction(model.manifest, tensorsByName(response.outputs), rows),
      outputs: outputsOf(response),
      parameters: response.parameters ?? {},
    };
  }
}

/** As they leave in JSON; integers that JSON numbers cannot hold are text. */
const outputsOf = (response: InferResponse): PredictionAnswer['outputs'] => {
  const { body } = encodeInferResponse(response, () => PLAIN);
  const { outputs } = JSON.parse(Buffer.from(body).toString('utf8')) as Pick<PredictionAnswer, 'outputs'>;
  return outputs.map((output, index) => {
    const tensor = response.outputs[index];
    return tensor !== undefined && WIDE.has(tensor.datatype) ? { ...output, data: tensorCells(tensor) } : output;
  });
};
