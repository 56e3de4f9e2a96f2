import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '../fixtures/conditions.ts';
import { withLocalApi } from './local-api-fixture.ts';

interface Listener {
  readonly response: IncomingMessage;
  text(): string;
  end(): void;
}

const listen = async (url: string, path: string, lastEventId?: string): Promise<Listener> => {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const request = get(new URL(path, url), { headers });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined);
  return { response, text: () => text, end: () => request.destroy() };
};

const idsIn = (text: string): string[] => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id ?? '');

describe('the feed of records', () => {
  it('sends each kind to those who asked for it, as it comes', async () => {
    await withLocalApi({}, async (url, { feed }) => {
      const readings = await listen(url, '/readings');
      const predictions = await listen(url, '/predictions');
      expect(readings.response.headers['content-type']).toBe('text/event-stream');
      feed.add('readings', { values: { x: 1 } });
      feed.add('predictions', { outputs: { score: 2 } });
      await eventually(() => idsIn(readings.text() + predictions.text()).length === 2);
      expect(readings.text()).toContain('id: run-1\nevent: reading\ndata: {"values":{"x":1}}\n\n');
      expect(predictions.text()).toContain('id: run-2\nevent: prediction\ndata: {"outputs":{"score":2}}\n\n');
    });
  });

  it('goes on where one who comes back left, and says when it cannot', async () => {
    await withLocalApi({}, async (url, { feed }) => {
      for (let i = 1; i <= 3; i += 1) feed.add('readings', { i });
      const back = await listen(url, '/readings', 'run-1');
      await eventually(() => idsIn(back.text()).length === 2);
      expect(idsIn(back.text())).toEqual(['run-2', 'run-3']);
      expect(back.text()).not.toContain('gap');
      for (let i = 0; i < 300; i += 1) feed.add('readings', { i });
      const late = await listen(url, '/readings', 'run-1');
      await eventually(() => idsIn(late.text()).length === 256);
      expect(late.text()).toContain('event: gap\ndata: {"after":"run-1"}\n\n');
      const stranger = await listen(url, '/readings', 'other-1');
      await eventually(() => idsIn(stranger.text()).length === 256);
      expect(stranger.text()).toContain('event: gap');
    });
  });

  it('lets a listener go that does not read, counts it, and keeps the others', async () => {
    await withLocalApi({}, async (url, { feed }) => {
      const slow = await listen(url, '/readings');
      slow.response.pause();
      slow.response.socket.pause();
      const quick = await listen(url, '/readings');
      const padding = 'x'.repeat(65_536);
      let sent = 0;
      await eventually(() => {
        feed.add('readings', { padding });
        sent += 1;
        return feed.counters().slow === 1;
      });
      await eventually(() => idsIn(quick.text()).length === sent);
      expect(feed.counters()).toMatchObject({ listeners: 1, slow: 1 });
    });
  });

  it('sends away those who are too many, and counts them', async () => {
    await withLocalApi({}, async (url, { feed }) => {
      const listeners = await Promise.all(Array.from({ length: 32 }, () => listen(url, '/predictions')));
      const refused = await fetch(`${url}/predictions`);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
      expect(feed.counters()).toMatchObject({ listeners: 32, refused: 1 });
      listeners[0]?.end();
      await eventually(() => feed.counters().listeners === 31);
    });
  });
});
