/** The worker thread behind `HeavyDecoder`. */
import { parentPort } from 'node:worker_threads';
import { ProtocolError, decodeBatch, type Batch, type ProtocolErrorCode, type RecordKind } from '@shoal/protocol';

export interface DecodeRequest {
  readonly id: number;
  readonly kind: RecordKind;
  readonly payload: Uint8Array;
}

export type DecodeAnswer =
  | { readonly id: number; readonly batch: Batch; readonly unknownFields: number }
  | { readonly id: number; readonly code: ProtocolErrorCode; readonly message: string }
  | { readonly id: number; readonly message: string };

const decode = ({ id, kind, payload }: DecodeRequest): DecodeAnswer => {
  try {
    const tally = { unknownFields: 0 };
    const batch = decodeBatch(kind, payload, tally);
    return { id, batch, unknownFields: tally.unknownFields };
  } catch (error) {
    if (error instanceof ProtocolError) return { id, code: error.code, message: error.message };
    return { id, message: error instanceof Error ? error.message : String(error) };
  }
};

const port = parentPort;
port?.on('message', (request: DecodeRequest) => port.postMessage(decode(request)));
