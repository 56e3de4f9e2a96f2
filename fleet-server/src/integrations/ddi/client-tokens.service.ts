/** The tokens of clients: that of the gateway out of its file, those of targets by their hashes. */
import { readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { systemTargetTokenSchema } from '@shoal/protocol';
import { ControlDatabase } from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { hashOfToken, isSameToken, presentedToken } from './ddi-token.ts';
import { Surroundings } from './surroundings.service.ts';
import { TargetsStore } from './targets.store.ts';

@Injectable()
export class ClientTokens {
  private readonly rows = new TargetsStore();
  private readonly database: ControlDatabase;
  private readonly around: Surroundings;
  private gatewayHash: string | null = null;
  constructor(database: ControlDatabase, around: Surroundings) {
    this.database = database;
    this.around = around;
  }

  /** @throws FleetError CONFIG_INVALID when the file is named and of no use */
  async start(): Promise<void> {
    const { gatewayTokenFile } = this.around.config;
    if (gatewayTokenFile === undefined) {
      this.around.log.info('ddi: no gateway token; only targets that were given one of their own may poll');
      return;
    }
    const text = await readFile(gatewayTokenFile, 'utf8').catch((cause: unknown) => {
      throw unusable(gatewayTokenFile, cause instanceof Error ? cause.message : String(cause));
    });
    const checked = systemTargetTokenSchema.safeParse({ token: text.trim() });
    if (!checked.success) throw unusable(gatewayTokenFile, checked.error.issues[0]?.message ?? 'no token');
    this.gatewayHash = hashOfToken(checked.data.token);
  }

  /** @throws FleetError DDI_TOKEN_REFUSED */
  async admit(targetId: string, authorization: string | undefined): Promise<void> {
    const presented = presentedToken(authorization);
    if (presented !== undefined) {
      const { kind, hash } = presented;
      const expected =
        kind === 'gateway' ? this.gatewayHash : ((await this.rows.find(this.database, targetId))?.token_hash ?? null);
      if (isSameToken(hash, expected)) return;
    }
    throw new FleetError('DDI_TOKEN_REFUSED', `No token that counts for ${targetId} came with the request.`);
  }
}

const unusable = (file: string, why: string): FleetError =>
  new FleetError('CONFIG_INVALID', `Configuration refused: ddi.gatewayTokenFile: ${file}: ${why}.`, {
    faults: [{ path: 'ddi.gatewayTokenFile', message: why }],
  });
