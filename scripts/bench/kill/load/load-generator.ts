/** The bench's handle on its load process. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { siblingProgram } from '../processes/sibling-program.ts';
import type { ConnectionLog } from './load-device.ts';
import type { LoadAnswer, LoadPlan, LoadReport, LoadRequest } from './load-messages.ts';

export class LoadGenerator {
  readonly plan: LoadPlan;
  private readonly child: ChildProcess;

  private constructor(plan: LoadPlan, child: ChildProcess) {
    this.plan = plan;
    this.child = child;
  }

  static async start(plan: LoadPlan): Promise<LoadGenerator> {
    const { file, execArgv } = siblingProgram(import.meta.url, './load-process');
    const generator = new LoadGenerator(
      plan,
      fork(file, [], { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    );
    await generator.ask({ op: 'start', plan });
    return generator;
  }

  /** What happened since the last report. */
  async report(): Promise<LoadReport> {
    const { report } = await this.ask({ op: 'report' });
    if (report === undefined) throw new Error('The load process answered a report without one.');
    return report;
  }

  async connections(): Promise<readonly ConnectionLog[]> {
    return (await this.ask({ op: 'connections' })).connections ?? [];
  }

  /** Stops making messages and waits until every one is acknowledged; `onReport` gets what is acknowledged meanwhile. */
  async drain(timeoutMs: number, onReport: (report: LoadReport) => void): Promise<LoadReport> {
    await this.ask({ op: 'drain' });
    for (const deadline = Date.now() + timeoutMs; ; await pause(50)) {
      const report = await this.report();
      onReport(report);
      if (report.waiting === 0 || Date.now() > deadline) return report;
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.send({ op: 'stop' } satisfies LoadRequest);
    await exited;
  }

  /** One question at a time. */
  private ask(request: LoadRequest): Promise<LoadAnswer> {
    return new Promise((resolve, reject) => {
      const died = (code: number | null): void => reject(new Error(`The load process ended with code ${code}.`));
      this.child.once('exit', died);
      this.child.once('message', (answer) => {
        this.child.off('exit', died);
        resolve(answer as LoadAnswer);
      });
      this.child.send(request);
    });
  }
}
