/** Lets nobody through while system updates are switched off. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { FleetError } from '../../errors.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class SwitchedOnGuard implements CanActivate {
  private readonly around: Surroundings;
  constructor(around: Surroundings) {
    this.around = around;
  }

  /** @throws FleetError SYSTEM_UPDATES_OFF */
  canActivate(context: ExecutionContext): boolean {
    if (this.around.isOn) return true;
    // An image may be on its way: the connection ends with the answer.
    void context.switchToHttp().getResponse<FastifyReply>().header('connection', 'close');
    throw new FleetError('SYSTEM_UPDATES_OFF', 'System updates are switched off here. Set ddi.endpoint to on.');
  }
}
