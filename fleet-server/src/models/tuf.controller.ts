/** /tuf: metadata as an unmodified TUF client fetches it. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { FleetError } from '../errors.ts';
import { TufRepository } from './tuf-repository.service.ts';

const compress = promisify(gzip);
const FILE = { schema: z.string().max(64) };
const TIMESTAMP = 'timestamp.json';
/** Below it gzip saves nothing. */
const COMPRESSED_FROM_BYTES = 600;
const KEPT_COMPRESSED = 64;

@Controller('tuf')
export class TufController {
  private readonly repository: TufRepository;
  /** Files that never change, the one fetched last at the end. */
  private readonly compressed = new Map<string, Buffer>();

  constructor(repository: TufRepository) {
    this.repository = repository;
  }

  @Get(':file')
  async file(
    @Param('file', FILE) file: string,
    @Headers('accept-encoding') encodings: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const content = await this.repository.file(file);
    if (content === undefined) throw new FleetError('TUF_FILE_NOT_FOUND', 'No such metadata.');
    const caching = file === TIMESTAMP ? 'no-cache' : 'public, max-age=31536000, immutable';
    const etag = `"${createHash('sha256').update(content).digest('hex').slice(0, 16)}"`;
    void reply.headers({ etag, 'cache-control': caching, vary: 'accept-encoding' }).type('application/json');
    const mayCompress = /\bgzip\b/.test(encodings ?? '') && content.length >= COMPRESSED_FROM_BYTES;
    if (!mayCompress || file === TIMESTAMP) return void (await reply.send(content));
    void reply.header('content-encoding', 'gzip');
    await reply.send(await this.gzipped(file, content));
  }

  private async gzipped(file: string, content: string): Promise<Buffer> {
    const bytes = this.compressed.get(file) ?? (await compress(content, { level: 9 }));
    this.compressed.delete(file);
    this.compressed.set(file, bytes);
    const [oldest] = this.compressed.keys();
    if (this.compressed.size > KEPT_COMPRESSED && oldest !== undefined) this.compressed.delete(oldest);
    return bytes;
  }
}
