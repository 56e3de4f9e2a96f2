/** /docs over HTTP: valid documents, pages that say everything, and headers that let nothing else in. */
import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Validator } from '@seriousme/openapi-schema-validator';
import { MQTT_CHANNELS, OPERATIONS } from '@shoal/protocol';
import { DocsModule } from '../../src/docs/docs.module.ts';
import { FLEET_ERRORS } from '../../src/errors.ts';

const PAGES = ['/docs', '/docs/mqtt', '/docs/errors'];

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

let app: NestFastifyApplication;
beforeAll(async () => {
  const module = DocsModule.of({ version: '0.1.0', broker: { host: '127.0.0.1', port: 1883 } });
  app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(() => app.close());

const get = async (url: string, headers: Record<string, string> = {}): Promise<Answer> => {
  const { statusCode, headers: answered, payload } = await app.inject({ method: 'GET', url, headers });
  expect(statusCode).toBe(200);
  return { headers: answered, body: payload };
};

describe('documents', () => {
  test('OpenAPI is valid 3.1 and every schema in it has a name of ours', async () => {
    const { body, headers } = await get('/docs/openapi.json');
    const document = JSON.parse(body) as { openapi: string; components: { schemas: object } };
    expect(await new Validator().validate(document)).toMatchObject({ valid: true });
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.components.schemas).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(await new Validator().validate({ ...document, paths: { nonsense: 1 } })).toMatchObject({ valid: false });
  });

  test('AsyncAPI names the broker of this server', async () => {
    const { body } = await get('/docs/asyncapi.json');
    expect(JSON.parse(body)).toMatchObject({ asyncapi: '3.0.0', servers: { fleet: { host: '127.0.0.1:1883' } } });
  });
});

describe('pages', () => {
  test.each(PAGES)('%s runs only what its policy pins, and fetches nothing', async (path) => {
    const { body, headers } = await get(path);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    for (const [, inner = ''] of body.matchAll(/<(?:script|style)>([^]*?)<\/(?:script|style)>/g)) {
      expect(policy).toContain(`'sha256-${createHash('sha256').update(inner).digest('base64')}'`);
    }
    expect(body.match(/<(script|style)>/g)).toHaveLength(2);
    const outward = [...body.matchAll(/(?:src|href)="([^"]*)"/g)].filter(
      ([, url = '']) => !/^(\/docs|#|data:,)/.test(url),
    );
    expect(outward).toEqual([]);
    expect(body).not.toMatch(/\s(on\w+|style)=/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-type': expect.stringContaining('text/html'),
    });
  });

  test.each(PAGES)('%s closes what it opens and links only to anchors that exist', async (path) => {
    const { body } = await get(path);
    for (const tag of ['details', 'table', 'section', 'code', 'pre', 'a', 'main']) {
      const opened = body.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0;
      expect([tag, body.match(new RegExp(`</${tag}>`, 'g'))?.length ?? 0]).toEqual([tag, opened]);
    }
    const ids = new Set([...body.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
    const dangling = [...body.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id).filter((id) => !ids.has(id));
    expect(dangling).toEqual([]);
  });

  test('the API page has every operation, and curl lines for where the reader came from', async () => {
    const { body } = await get('/docs', { host: 'localhost:9999' });
    expect(OPERATIONS.filter(({ id }) => !body.includes(` id="${id}"`))).toEqual([]);
    expect(body).toContain('http://localhost:9999/api/devices');
  });

  test('a hostile Host header is not echoed', async () => {
    const { body } = await get('/docs', { host: '"><script>alert(1)</script>' });
    expect(body).not.toContain('alert(1)');
  });

  test('the MQTT page has every topic and a line to subscribe to each public one that is published', async () => {
    const { body } = await get('/docs/mqtt');
    expect(MQTT_CHANNELS.filter(({ address }) => !body.includes(address))).toEqual([]);
    expect(body).toContain('-p 1883 -V mqttv311');
    expect(body).toContain('-t &#39;shoal/v1/live/+/readings&#39;');
  });

  test('every code of the catalogue has its anchor', async () => {
    const { body } = await get('/docs/errors');
    expect(Object.keys(FLEET_ERRORS).filter((code) => !body.includes(` id="${code}"`))).toEqual([]);
  });
});
