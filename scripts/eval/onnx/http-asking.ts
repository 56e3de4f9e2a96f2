/** Asks a `/v2` over HTTP, in JSON and in binary: that of a device and that of the server alike. */
import type { Tensors } from '@shoal/protocol';
import type { PreparedCase } from './case-path.ts';
import { binaryRequest, fromBinary, fromJson, jsonRequest } from './plain-client.ts';

/** Rejects with what was answered instead. */
export const ask = async (url: string, path: string, init: RequestInit): Promise<Response> => {
  const response = await fetch(`${url}${path}`, { method: 'POST', ...init });
  if (response.ok) return response;
  throw new Error(
    `${path.slice(path.lastIndexOf('/') + 1)} ${response.status}: ${(await response.text()).slice(0, 400)}`,
  );
};

export const viaJson = async (url: string, { bundle, test }: PreparedCase): Promise<Tensors> => {
  const response = await ask(url, `/v2/models/${bundle}/infer`, {
    headers: { 'content-type': 'application/json' },
    body: jsonRequest(test.inputs),
  });
  return fromJson(await response.text());
};

export const viaBinary = async (url: string, { bundle, test }: PreparedCase): Promise<Tensors> => {
  const { body, headerLength } = binaryRequest(test.inputs);
  const response = await ask(url, `/v2/models/${bundle}/versions/1.0.0/infer`, {
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(headerLength) },
    body: new Uint8Array(body),
  });
  const length = Number(response.headers.get('inference-header-content-length'));
  return fromBinary(Buffer.from(await response.arrayBuffer()), length);
};
