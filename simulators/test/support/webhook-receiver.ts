/** A receiver of webhooks on loopback: what came, checked with the reference library, and an answer that a test may withhold. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Cleanup } from './rig.ts';

export interface ReceivedWebhook {
  readonly id: string;
  readonly isSigned: boolean;
  readonly body: { readonly type?: string; readonly data?: unknown };
}

export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  secret: string;
  /** Nothing is answered while it is true. */
  isSilent: boolean;
}

const isSigned = (secret: string, text: string, headers: IncomingHttpHeaders): boolean => {
  try {
    new Webhook(secret).verify(text, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
};

export const webhookReceiver = async (cleanup: Cleanup): Promise<WebhookReceiver> => {
  const receiver = { url: '', received: [] as ReceivedWebhook[], secret: '', isSilent: false };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      receiver.received.push({
        id: String(request.headers['webhook-id']),
        isSigned: isSigned(receiver.secret, text, request.headers),
        body: JSON.parse(text) as ReceivedWebhook['body'],
      });
      if (!receiver.isSilent) response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanup.later(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return receiver;
};
