/** /: a browser that only knows the port is shown what there is. */
import { Controller, Get, HttpStatus, Redirect } from '@nestjs/common';

@Controller()
export class FrontDoorController {
  @Get()
  @Redirect('/docs', HttpStatus.FOUND)
  show(): void {
    // The decorator answers.
  }
}
