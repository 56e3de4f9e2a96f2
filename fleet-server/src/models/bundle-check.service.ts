/** Has a packed bundle looked into by a process of its own, one at a time, with bounded memory and time. */
import { fork, type ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import type { BundleManifest } from '@shoal/models';
import { FleetError, type FieldFault } from '../errors.ts';
import type { BundleVerdict } from './check-bundle-process.ts';
import { Surroundings } from './surroundings.service.ts';

const IS_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(new URL(`./check-bundle-process${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url));
const NODE_FLAGS = ['--max-old-space-size=256', '--disable-warning=ExperimentalWarning'];

export interface CheckedBundle {
  readonly manifest: BundleManifest;
  readonly digest: string;
  readonly signedBy: string | null;
  readonly card: string | null;
}

@Injectable()
export class BundleCheck {
  private readonly around: Surroundings;
  private last: Promise<unknown> = Promise.resolve();

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** `archive` is a file. @throws FleetError MODEL_BUNDLE_REFUSED with every fault */
  check(archive: string): Promise<CheckedBundle> {
    const turn = this.last.then(() => this.run(archive));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async run(archive: string): Promise<CheckedBundle> {
    const folder = `${archive}.unpacked`;
    try {
      const verdict = await this.ask(archive, folder);
      if ('manifest' in verdict) return { ...verdict, manifest: verdict.manifest as BundleManifest };
      throw refused(verdict.faults.map(({ code, path, message }) => ({ path, message: `${code}: ${message}` })));
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rm(`${folder}.partial`, { recursive: true, force: true });
    }
  }

  private async ask(archive: string, folder: string): Promise<BundleVerdict> {
    const child = fork(ENTRY, [archive, folder], {
      execArgv: [...NODE_FLAGS, ...(IS_SOURCE ? ['--conditions=source'] : [])],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const patience = setTimeout(() => child.kill('SIGKILL'), this.around.config.checkTimeoutMs);
    try {
      return (await verdictOf(child)) ?? { faults: [this.noVerdict(child)] };
    } finally {
      clearTimeout(patience);
    }
  }

  private noVerdict({ signalCode }: ChildProcess): { code: 'BUNDLE_CONTENT_INVALID'; path: string; message: string } {
    const why =
      signalCode === 'SIGKILL'
        ? `it could not be checked within ${this.around.config.checkTimeoutMs} ms`
        : 'whoever looked into it came to no verdict';
    this.around.metrics.count('model_checks_failed_total');
    return { code: 'BUNDLE_CONTENT_INVALID', path: 'archive', message: why };
  }
}

const verdictOf = (child: ChildProcess): Promise<BundleVerdict | undefined> =>
  new Promise((resolve, reject) => {
    let verdict: BundleVerdict | undefined;
    child.once('message', (message) => (verdict = message as BundleVerdict));
    child.once('error', reject);
    child.once('close', () => resolve(verdict));
  });

const refused = (faults: readonly FieldFault[]): FleetError =>
  new FleetError(
    'MODEL_BUNDLE_REFUSED',
    `The bundle has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}: ${faults
      .slice(0, 20)
      .map(({ path, message }) => `${path}: ${message}`)
      .join('; ')}.`,
    { faults },
  );
