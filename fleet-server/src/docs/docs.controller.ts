/** /docs: what this server speaks, for people and for generators. */
import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { asyncApiDocument, type AsyncApiDocument } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { apiPage } from './api-page.ts';
import { errorsPage } from './errors-page.ts';
import { mqttPage, type Broker } from './mqtt-page.ts';
import { openApiDocument, type OpenApiDocument } from './openapi-document.ts';
import { PAGE_HEADERS } from './page.ts';

export interface DocsOptions {
  /** Of this server. */
  readonly version: string;
  readonly broker: Broker;
}

/** Injection token of `DocsOptions`. */
export const DOCS_OPTIONS = Symbol('docs options');

/** What RFC 9110 7.2 allows in `Host`; anything else is not echoed into a page. */
const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;

@Controller('docs')
export class DocsController {
  private readonly options: DocsOptions;
  /** Rendering takes tens of milliseconds and never changes: kept from the first request on. */
  private openApi: OpenApiDocument | undefined;

  constructor(@Inject(DOCS_OPTIONS) options: DocsOptions) {
    this.options = options;
  }

  @Get()
  api(@Headers('host') host: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.headers(PAGE_HEADERS);
    const authority = host !== undefined && HOST.test(host) ? host : '127.0.0.1:8080';
    return apiPage(this.document(), `http://${authority}`);
  }

  @Get('openapi.json')
  openApiJson(@Res({ passthrough: true }) reply: FastifyReply): OpenApiDocument {
    void reply.header('x-content-type-options', 'nosniff');
    return this.document();
  }

  @Get('mqtt')
  mqtt(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.headers(PAGE_HEADERS);
    return mqttPage(this.options.broker);
  }

  @Get('asyncapi.json')
  asyncApiJson(@Res({ passthrough: true }) reply: FastifyReply): AsyncApiDocument {
    void reply.header('x-content-type-options', 'nosniff');
    const { version, broker } = this.options;
    return asyncApiDocument(version, broker.port === 0 ? broker.host : `${broker.host}:${broker.port}`);
  }

  @Get('errors')
  errors(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.headers(PAGE_HEADERS);
    return errorsPage();
  }

  private document(): OpenApiDocument {
    this.openApi ??= openApiDocument(this.options.version);
    return this.openApi;
  }
}
