/** Asks a server over MQTT as a device does: `request/infer`, and the answer on the reply topic of that request. */
import { gunzipSync } from 'node:zlib';
import { BOUNDS, encodeInferFrame, ProtocolError, topics, type Tensors } from '@shoal/protocol';
import { connectAsync, type MqttClient } from 'mqtt';
import type { PreparedCase } from './case-path.ts';
import { binaryRequest, fromBinary, fromJson, jsonRequest } from './plain-client.ts';

const DEVICE = 'eval-onnx';
const ANSWER_MS = 30_000;
const TOO_LARGE = 'PAYLOAD_TOO_LARGE';
/** A JSON frame begins so, compressed or not; an inference frame with an even length. */
const JSON_STARTS: readonly number[] = [0x7b, 0x1f];

interface Refusal {
  readonly outcome: string;
  readonly error?: { readonly code: string; readonly message: string };
}

const addressed = (json: string, bundle: string, id: string): string =>
  json.replace('{"id":"case"', `{"id":"${id}","model_name":"${bundle}","model_version":"1.0.0"`);

/** The length of the JSON part, the JSON part padded until the tensors are 8 bytes aligned, the tensors. */
const framed = (header: Buffer, tensors: Buffer): Buffer => {
  const padding = (8 - ((4 + header.length) % 8)) % 8;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length + padding);
  return Buffer.concat([length, header, Buffer.alloc(padding, ' '), tensors]);
};

/** Whether the product says so of such a message, as a device does before it sends one. */
const isTooLarge = (body: Buffer): boolean => {
  if (body.length <= BOUNDS.frameBytes) return false;
  try {
    encodeInferFrame({ body });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === TOO_LARGE) return true;
    throw error;
  }
  return false;
};

const read = (payload: Buffer): Tensors | null => {
  if (!JSON_STARTS.includes(payload[0] ?? 0)) {
    const headerLength = payload.readUInt32LE(0);
    const body = payload.subarray(4);
    return headerLength === body.length ? fromJson(body.toString('utf8')) : fromBinary(body, headerLength);
  }
  const text = payload[0] === 0x1f ? gunzipSync(payload) : payload;
  const { outcome, error } = JSON.parse(text.toString('utf8')) as Refusal;
  if (error?.code === TOO_LARGE) return null;
  throw new Error(`${outcome}: ${error?.code} ${error?.message}`);
};

export class MqttAsking {
  readonly #port: () => number;
  readonly #waiting = new Map<string, (payload: Buffer) => void>();
  #client: Promise<MqttClient> | undefined;
  #asked = 0;

  constructor(port: () => number) {
    this.#port = port;
  }

  async ask({ bundle, test }: PreparedCase, form: 'json' | 'binary'): Promise<Tensors | null> {
    const id = `case-${(this.#asked += 1)}`;
    const message = form === 'json' ? this.#json(test.inputs, bundle, id) : this.#binary(test.inputs, bundle, id);
    if (isTooLarge(message)) return null;
    const client = await (this.#client ??= this.#connect());
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#waiting.set(topics.reply(DEVICE, id), resolve);
    const timer = setTimeout(() => reject(new Error(`no reply within ${ANSWER_MS} ms`)), ANSWER_MS);
    try {
      await client.publishAsync(topics.request(DEVICE, 'infer'), message, { qos: 1 });
      return read(await promise);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(topics.reply(DEVICE, id));
    }
  }

  async stop(): Promise<void> {
    await (await this.#client)?.endAsync();
  }

  #json(inputs: PreparedCase['test']['inputs'], bundle: string, id: string): Buffer {
    return Buffer.from(addressed(jsonRequest(inputs), bundle, id));
  }

  #binary(inputs: PreparedCase['test']['inputs'], bundle: string, id: string): Buffer {
    const { body, headerLength } = binaryRequest(inputs);
    const header = addressed(body.subarray(0, headerLength).toString('utf8'), bundle, id);
    return framed(Buffer.from(header), body.subarray(headerLength));
  }

  async #connect(): Promise<MqttClient> {
    const client = await connectAsync({ host: '127.0.0.1', port: this.#port(), clientId: DEVICE, reconnectPeriod: 0 });
    client.on('message', (topic, payload) => this.#waiting.get(topic)?.(payload));
    await client.subscribeAsync(topics.downFilter(DEVICE), { qos: 1 });
    return client;
  }
}
