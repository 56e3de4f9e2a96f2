/** /blobs: content by its hash and what makes one of another, in ranges. */
import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { sha256HexSchema } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { FleetError } from '../errors.ts';
import { ArtifactStore, type StoredArtifact } from '../ports/artifact-store.ts';
import { Metrics } from '../ports/metrics.ts';
import { rangeOf } from './byte-range.ts';

const HASH = { schema: sha256HexSchema };
const FOREVER = 'public, max-age=31536000, immutable';

type RequestHeaders = Readonly<Record<string, string | undefined>>;

@Controller('blobs/sha256')
export class BlobsController {
  private readonly artifacts: ArtifactStore;
  private readonly metrics: Metrics;
  constructor(artifacts: ArtifactStore, metrics: Metrics) {
    this.artifacts = artifacts;
    this.metrics = metrics;
  }

  @Get(':sha256')
  async whole(
    @Param('sha256', HASH) sha256: string,
    @Headers() headers: RequestHeaders,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.send(await this.artifacts.find(sha256), `"${sha256}"`, headers, reply);
  }

  @Get(':sha256/delta/:base')
  async delta(
    @Param('sha256', HASH) sha256: string,
    @Param('base', HASH) base: string,
    @Headers() headers: RequestHeaders,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.send(await this.artifacts.delta(sha256, base), `"${sha256}-${base}"`, headers, reply);
  }

  /** A stream that is cut off here would not be noticed by its reader, so a fault of the disk breaks the connection. */
  private async send(
    artifact: StoredArtifact | undefined,
    etag: string,
    headers: RequestHeaders,
    reply: FastifyReply,
  ): Promise<void> {
    if (artifact === undefined)
      throw new FleetError('ARTIFACT_NOT_FOUND', 'There is no such content here, or no delta that would be worth it.');
    const { lengthBytes } = artifact;
    void reply.headers({ etag, 'accept-ranges': 'bytes', 'cache-control': FOREVER });
    if (headers['if-none-match'] === etag) return void (await reply.code(304).send());
    const answer = rangeOf({ range: headers['range'], ifRange: headers['if-range'] }, etag, lengthBytes);
    if (answer.kind === 'unsatisfiable')
      return void (await reply.code(416).header('content-range', `bytes */${lengthBytes}`).send());
    const range = answer.kind === 'part' ? answer.range : { start: 0, end: lengthBytes };
    if (answer.kind === 'part')
      void reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${lengthBytes}`);
    this.metrics.count('blob_bytes_asked_total', range.end - range.start);
    void reply.header('content-length', range.end - range.start).type('application/octet-stream');
    await reply.send(artifact.read(range));
  }
}
