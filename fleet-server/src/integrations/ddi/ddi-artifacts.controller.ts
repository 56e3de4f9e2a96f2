/** …/softwaremodules: the files of the images that a target was given, whole, in ranges, and their checksums. */
import { Controller, Get, Param, Req, Res, UseGuards } from '@nestjs/common';
import { systemActionIdSchema, type DdiArtifact } from '@shoal/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SystemImageRow } from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { rangeOf } from '../../models/byte-range.ts';
import { SystemImageStore } from '../../ports/artifact-store.ts';
import { Metrics } from '../../ports/metrics.ts';
import { ClientGuard } from './client.guard.ts';
import { Place } from './client-place.decorator.ts';
import { ClientWork } from './client-work.service.ts';
import { artifactDocument, type ClientPlace } from './ddi-documents.ts';
import { SwitchedOnGuard } from './switched-on.guard.ts';

const NUMBER = { schema: systemActionIdSchema };
const CHECKSUM = '.MD5SUM';

@Controller(':tenant/controller/v1/:controllerId/softwaremodules/:moduleId/artifacts')
@UseGuards(SwitchedOnGuard, ClientGuard)
export class DdiArtifactsController {
  private readonly work: ClientWork;
  private readonly contents: SystemImageStore;
  private readonly metrics: Metrics;
  constructor(work: ClientWork, contents: SystemImageStore, metrics: Metrics) {
    this.work = work;
    this.contents = contents;
    this.metrics = metrics;
  }

  @Get()
  async list(@Place() place: ClientPlace, @Param('moduleId', NUMBER) moduleId: number): Promise<DdiArtifact[]> {
    return [artifactDocument(place, await this.work.given(place.targetId, moduleId))];
  }

  @Get(':fileName')
  async download(
    @Place() { targetId }: ClientPlace,
    @Param() { moduleId, fileName }: { readonly moduleId: string; readonly fileName: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const image = await this.imageOf(targetId, moduleId);
    if (fileName === `${image.file_name}${CHECKSUM}`)
      return void (await reply.type('text/plain; charset=utf-8').send(`${image.md5}  ${image.file_name}\n`));
    if (fileName !== image.file_name) throw absent();
    await this.send(targetId, image, request, reply);
  }

  private async imageOf(targetId: string, moduleId: string): Promise<SystemImageRow> {
    const number = systemActionIdSchema.safeParse(moduleId);
    if (!number.success) throw absent();
    return this.work.given(targetId, number.data);
  }

  /** A stream that is cut off here would not be noticed by its reader, so a fault of the disk breaks the connection. */
  private async send(
    targetId: string,
    image: SystemImageRow,
    { method, headers }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const content = await this.contents.find(image.sha256);
    if (content === undefined) throw absent();
    const etag = `"${image.sha256}"`;
    void reply.headers({ etag, 'accept-ranges': 'bytes' });
    const { lengthBytes } = content;
    const answer = rangeOf({ range: headers.range, ifRange: headers['if-range']?.toString() }, etag, lengthBytes);
    if (answer.kind === 'unsatisfiable')
      return void (await reply.code(416).header('content-range', `bytes */${lengthBytes}`).send());
    const range = answer.kind === 'part' ? answer.range : { start: 0, end: lengthBytes };
    if (answer.kind === 'part')
      void reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${lengthBytes}`);
    // SWUpdate asks for the head first.
    if (method === 'GET') await this.work.downloads(targetId, image, range.start);
    this.metrics.count('system_image_bytes_asked_total', range.end - range.start);
    void reply
      .header('content-length', range.end - range.start)
      .header('content-disposition', `attachment; filename="${image.file_name}"`)
      .type('application/octet-stream');
    await reply.send(content.read(range));
  }
}

const absent = (): FleetError =>
  new FleetError('ARTIFACT_NOT_FOUND', 'There is no such file for this target. Poll for what there is.');
