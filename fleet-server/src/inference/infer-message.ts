/** An inference request as a device publishes it: an inference frame, or a JSON frame of the same object. */
import { type InferenceCodec, type SchedulePolicy } from '@shoal/models';
import {
  decodeInferFrame,
  inferMessageSchema,
  isInferFrame,
  isRequestId,
  schemaFault,
  unpackFrame,
  type InferRequest,
} from '@shoal/protocol';

const inferHeadSchema = inferMessageSchema.pick({ model_name: true, id: true });

export interface InferMessage {
  readonly requestId: string;
  readonly model: string;
  readonly version: string | undefined;
  readonly isFallback: boolean;
  /** Milliseconds the device waits from sending; undefined when it does not say. */
  readonly deadlineMs: number | undefined;
  readonly policy: SchedulePolicy;
  readonly asked: InferRequest;
}

const partsOf = (payload: Uint8Array): { readonly body: Uint8Array; readonly headerLength: number | undefined } =>
  isInferFrame(payload) ? decodeInferFrame(payload) : { body: unpackFrame(payload), headerLength: undefined };

/** Rejects with ProtocolError. The payload may be gone afterwards. */
export const readInferMessage = async (payload: Uint8Array, codec: InferenceCodec): Promise<InferMessage> => {
  const { body, headerLength } = partsOf(payload);
  const asked = await codec.decodeRequest(body, headerLength);
  const head = inferHeadSchema.safeParse(asked);
  if (!head.success) throw schemaFault(head.error, 'inference request');
  const { timeout = 0, priority, fallback = false } = asked.parameters ?? {};
  return {
    requestId: head.data.id,
    model: head.data.model_name,
    version: asked.model_version,
    isFallback: fallback,
    deadlineMs: timeout === 0 ? undefined : timeout / 1_000,
    policy: { priority },
    asked,
  };
};

/** Whom to answer when the rest cannot be read. */
export const requestIdIn = (payload: Uint8Array): string | undefined => {
  try {
    const { body, headerLength } = partsOf(payload);
    const value: unknown = JSON.parse(Buffer.from(body.subarray(0, headerLength)).toString('utf8'));
    const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
    return typeof id === 'string' && isRequestId(id) ? id : undefined;
  } catch {
    return undefined;
  }
};
