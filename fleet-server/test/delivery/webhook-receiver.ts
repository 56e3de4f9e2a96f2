/** A receiver of webhooks on loopback that checks every signature with the reference library. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly isSigned: boolean;
}

export class WebhookReceiver {
  readonly received: Received[] = [];
  /** What is answered; 204 unless a test says otherwise. */
  answer: (response: ServerResponse, received: Received) => void = (response) => response.writeHead(204).end();
  secret = '';
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const received = {
        id: String(request.headers['webhook-id']),
        body: JSON.parse(text) as unknown,
        headers: request.headers,
        isSigned: this.#isSigned(text, request.headers),
      };
      this.received.push(received);
      this.answer(response, received);
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #isSigned(text: string, headers: IncomingHttpHeaders): boolean {
    try {
      new Webhook(this.secret).verify(text, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  }
}
