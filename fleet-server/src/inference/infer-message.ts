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

export interface InferParts {
  readonly body: Uint8Array;
  readonly headerLength: number | undefined;
}

/** Throws ProtocolError. Shares memory with `payload` where that is not compressed. */
export const openInferMessage = (payload: Uint8Array): InferParts =>
  isInferFrame(payload) ? decodeInferFrame(payload) : { body: unpackFrame(payload), headerLength: undefined };

/** Rejects with ProtocolError, and as the codec does. The parts may be gone afterwards. */
export const readInferMessage = async (
  { body, headerLength }: InferParts,
  codec: InferenceCodec,
): Promise<InferMessage> => {
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

/** A quote within a string of JSON is escaped: what follows this is a key. Other requests call it `requestId`. */
const ID = /"(?:id|requestId)"\s*:\s*"([^"\\]{1,64})"/;

/** Whom to answer when the rest cannot be read, be it no JSON at all. Costs no parsing of what may be large. */
export const requestIdIn = ({ body, headerLength }: InferParts): string | undefined => {
  const text = Buffer.from(body.buffer, body.byteOffset, headerLength ?? body.length).toString('latin1');
  const id = ID.exec(text)?.[1];
  return id !== undefined && isRequestId(id) ? id : undefined;
};
