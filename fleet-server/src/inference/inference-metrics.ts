/** What the schedulers do, as metrics: the meanings of Triton's, under our prefix, by model and version. */
import type { SchedulerObserver } from '@shoal/models';
import type { Metrics } from '../ports/metrics.ts';

const seconds = (ms: number): number => Math.max(0, ms) / 1_000;

export const observeModel = (metrics: Metrics, model: string, version: string): SchedulerObserver => {
  const labels = { model, version };
  return {
    onRequest: ({ rows, failure, totalMs, queueMs, inputMs, inferMs, outputMs }) => {
      if (failure !== null) {
        metrics.count('inference_request_failure_total', 1, { ...labels, reason: failure.reason });
        return;
      }
      metrics.count('inference_request_success_total', 1, labels);
      metrics.count('inference_count_total', rows, labels);
      metrics.observe('inference_request_seconds', seconds(totalMs), labels);
      metrics.observe('inference_queue_seconds', seconds(queueMs), labels);
      metrics.observe('inference_compute_input_seconds', seconds(inputMs), labels);
      metrics.observe('inference_compute_infer_seconds', seconds(inferMs), labels);
      metrics.observe('inference_compute_output_seconds', seconds(outputMs), labels);
    },
    onBatch: ({ rows }) => {
      metrics.count('inference_exec_count_total', 1, labels);
      metrics.observe('inference_batch_rows', rows, labels);
    },
  };
};
