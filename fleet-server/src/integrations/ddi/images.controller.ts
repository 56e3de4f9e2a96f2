/** /api/system/images: upload, look, remove. */
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  UseGuards,
  type StreamableFile,
} from '@nestjs/common';
import {
  systemImageIdSchema,
  systemImageQuerySchema,
  systemImageSchema,
  systemImageUploadQuerySchema,
  type Page,
  type SystemImage,
} from '@shoal/protocol';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Actor } from '../../audit/actor.ts';
import { FleetError } from '../../errors.ts';
import { Caller } from '../../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../../listing/exchange.decorator.ts';
import { answerList } from '../../listing/list-answer.ts';
import { SystemImages } from './images.service.ts';
import { SYSTEM_IMAGES } from './listings.ts';
import { SwitchedOnGuard } from './switched-on.guard.ts';

const querySchema = systemImageQuerySchema.strict();
const IMAGE = { schema: systemImageIdSchema };

@Controller('api/system/images')
@UseGuards(SwitchedOnGuard)
export class ImagesController {
  private readonly images: SystemImages;
  constructor(images: SystemImages) {
    this.images = images;
  }

  @Get()
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<SystemImage> | StreamableFile> {
    return answerList(SYSTEM_IMAGES, query, (limit, cursor) => this.images.list(query, limit, cursor));
  }

  @Post()
  async upload(
    @Caller() actor: Actor,
    @Query({ schema: systemImageUploadQuerySchema }) query: z.output<typeof systemImageUploadQuerySchema>,
    @Body() content: unknown,
    @Exchange() { reply }: EditExchange,
  ): Promise<SystemImage> {
    if (!(content instanceof Readable))
      throw new FleetError('MEDIA_TYPE_UNSUPPORTED', 'Send the image as application/octet-stream.');
    // Whoever is refused halfway would go on sending: the connection ends with the answer.
    void reply.header('connection', 'close');
    const image = await this.images.upload(actor, query, content);
    void reply.header('location', `/api/system/images/${image.image}`);
    return systemImageSchema.parse(image);
  }

  @Get(':image')
  async show(@Param('image', IMAGE) image: string): Promise<SystemImage> {
    return systemImageSchema.parse(await this.images.show(image));
  }

  @Delete(':image')
  @HttpCode(204)
  async remove(@Caller() actor: Actor, @Param('image', IMAGE) image: string): Promise<void> {
    await this.images.remove(actor, image);
  }
}
