/** What any HTTP server of Node can do at most here: reads a request whole and answers with a constant. One order starts it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveOrders } from '../load/child.ts';

/** As long as an answer of ours. */
const ANSWER = JSON.stringify({
  prediction: [0.123_456_789],
  model: 'bench-network',
  version: '1.0.0',
  parameters: { source: 'server', engine: 'native-child' },
});
const HEADERS = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(ANSWER) };

serveOrders(async () => {
  const server = createServer((request, response) => {
    request.on('data', () => undefined);
    request.on('end', () => response.writeHead(200, HEADERS).end(ANSWER));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
});
