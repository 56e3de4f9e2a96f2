/** Puts the guard in front of every HTTP route. */
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { PrincipalGuard } from './principal.guard.ts';

@Module({ providers: [{ provide: APP_GUARD, useClass: PrincipalGuard }] })
export class IdentityModule {}
