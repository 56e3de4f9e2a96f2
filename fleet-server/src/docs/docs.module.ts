/** The server's own documentation, rendered from the schemas it validates with. */
import { Module, type DynamicModule } from '@nestjs/common';
import { DOCS_OPTIONS, DocsController, type DocsOptions } from './docs.controller.ts';
import { FrontDoorController } from './front-door.controller.ts';

@Module({})
export class DocsModule {
  static of(options: DocsOptions): DynamicModule {
    return {
      module: DocsModule,
      controllers: [DocsController, FrontDoorController],
      providers: [{ provide: DOCS_OPTIONS, useValue: options }],
    };
  }
}
