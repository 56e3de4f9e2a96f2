/** /api/models/{model}/aliases: where champion and challenger point. */
import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import {
  modelAliasNameSchema,
  modelAliasPutSchema,
  modelAliasSchema,
  modelNameSchema,
  type ModelAlias,
  type ModelAliasName,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import type { ModelAliasRow } from '../db/database.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { Aliases } from './aliases.service.ts';

const aliasParams = z.object({ model: modelNameSchema, alias: modelAliasNameSchema });
const NAME = { schema: modelNameSchema };
const ALIAS = { schema: modelAliasNameSchema };

@Controller('api/models/:model/aliases')
export class AliasesController {
  private readonly aliases: Aliases;
  constructor(aliases: Aliases) {
    this.aliases = aliases;
  }

  @Get(':alias')
  async show(
    @Param('model', NAME) name: string,
    @Param('alias', ALIAS) alias: ModelAliasName,
    @Exchange() { reply }: EditExchange,
  ): Promise<ModelAlias> {
    return shaped(await this.aliases.show(name, alias), reply);
  }

  @Put(':alias')
  async put(
    @Caller() actor: Actor,
    @Param({ schema: aliasParams }) { model: name, alias }: z.output<typeof aliasParams>,
    @Body({ schema: modelAliasPutSchema }) { version }: z.output<typeof modelAliasPutSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<ModelAlias> {
    return shaped(await this.aliases.put(actor, name, alias, { version, ifMatch }), reply);
  }

  @Delete(':alias')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('model', NAME) name: string,
    @Param('alias', ALIAS) alias: ModelAliasName,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.aliases.remove(actor, name, alias, ifMatch);
  }
}

const shaped = (row: ModelAliasRow, reply: FastifyReply): ModelAlias => {
  void reply.header('etag', etagOf(row.revision));
  const { name, alias, version, revision, updated_at: updatedAt } = row;
  return modelAliasSchema.parse({ name, alias, version, revision, updatedAt });
};
