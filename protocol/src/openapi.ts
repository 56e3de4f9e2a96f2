/** Every route of the HTTP API as one table: the OpenAPI 3.1 document is rendered from it, and a test holds the server to it. */
import { ALERT_OPERATIONS } from './rest/alert-operations.ts';
import { BACKTEST_OPERATIONS } from './rest/backtest-operations.ts';
import { DELIVERY_OPERATIONS } from './rest/delivery-operations.ts';
import { CONTEXT_OPERATIONS, DEVICE_OPERATIONS } from './rest/device-operations.ts';
import { FEATURE_OPERATIONS } from './rest/feature-operations.ts';
import { INFERENCE_OPERATIONS } from './rest/inference-operations.ts';
import { MODEL_OPERATIONS } from './rest/model-operations.ts';
import type { Operation } from './rest/operation.ts';
import { PREDICTION_OPERATIONS } from './rest/prediction-operations.ts';
import { BACKFILL_OPERATIONS } from './rest/scoring-backfill-operations.ts';
import { SCORING_OPERATIONS } from './rest/scoring-operations.ts';
import { ROLLOUT_OPERATIONS } from './rest/rollout-operations.ts';
import { OVERVIEW_OPERATIONS, SERVICE_OPERATIONS } from './rest/service-operations.ts';
import { STREAM_OPERATIONS } from './rest/stream-operations.ts';
import { SYSTEM_UPDATE_OPERATIONS } from './rest/system-update-operations.ts';
import { TELEMETRY_OPERATIONS } from './rest/telemetry-operations.ts';

/** In the order a reader wants them. */
export const OPERATIONS: readonly Operation[] = [
  ...DEVICE_OPERATIONS,
  ...CONTEXT_OPERATIONS,
  ...FEATURE_OPERATIONS,
  ...INFERENCE_OPERATIONS,
  ...PREDICTION_OPERATIONS,
  ...SCORING_OPERATIONS,
  ...BACKFILL_OPERATIONS,
  ...TELEMETRY_OPERATIONS,
  ...STREAM_OPERATIONS,
  ...MODEL_OPERATIONS,
  ...BACKTEST_OPERATIONS,
  ...ROLLOUT_OPERATIONS,
  ...SYSTEM_UPDATE_OPERATIONS,
  ...ALERT_OPERATIONS,
  ...DELIVERY_OPERATIONS,
  ...OVERVIEW_OPERATIONS,
  ...SERVICE_OPERATIONS,
];
