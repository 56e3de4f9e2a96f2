/** What the schedulers do, as metrics: the meanings of Triton's, under our prefix, by model and version. */
import type { FailureReason, SchedulerObserver } from '@shoal/models';
import type { BoundCounter, Metrics } from '../ports/metrics.ts';

const seconds = (ms: number): number => Math.max(0, ms) / 1_000;

export const observeModel = (metrics: Metrics, model: string, version: string): SchedulerObserver => {
  const labels = { model, version };
  const counter = (name: string): BoundCounter => metrics.counter(`inference_${name}_total`, labels);
  const timer = (name: string) => metrics.histogram(`inference_${name}_seconds`, labels);
  const [successes, inferred, runs] = [counter('request_success'), counter('count'), counter('exec_count')];
  const [request, queue, input] = [timer('request'), timer('queue'), timer('compute_input')];
  const [infer, output] = [timer('compute_infer'), timer('compute_output')];
  const batchRows = metrics.histogram('inference_batch_rows', labels);
  const failures = Object.fromEntries(
    REASONS.map((reason) => [reason, metrics.counter('inference_request_failure_total', { ...labels, reason })]),
  ) as Record<FailureReason, BoundCounter>;
  return {
    onRequest: ({ rows, failure, totalMs, queueMs, inputMs, inferMs, outputMs }) => {
      if (failure !== null) return failures[failure.reason].add(1);
      successes.add(1);
      inferred.add(rows);
      request.observe(seconds(totalMs));
      queue.observe(seconds(queueMs));
      input.observe(seconds(inputMs));
      infer.observe(seconds(inferMs));
      output.observe(seconds(outputMs));
    },
    onBatch: ({ rows }) => {
      runs.add(1);
      batchRows.observe(rows);
    },
  };
};

const REASONS = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const satisfies readonly FailureReason[];
