/** What is looked at on a machine before it is judged; everything is given, so that every judgement can be tried on any machine. */

export interface DiskFacts {
  readonly path: string;
  /** Magic number of statfs(2). */
  readonly fileSystemType: number;
  readonly freeBytes: number;
  /** Of small synced writes, in order; empty when the folder cannot be written. */
  readonly syncMs: readonly number[];
  /** Why it cannot be written. */
  readonly refusal: string | null;
}

export interface DoctorFacts {
  readonly agentVersion: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What the system says; null when it says nothing. */
  readonly clockSynchronised: boolean | null;
  readonly nodeVersion: string;
  readonly opensslVersion: string;
  readonly arch: string;
  /** Lower case, as /proc/cpuinfo has them; empty when unknown. */
  readonly cpuFeatures: readonly string[];
  readonly totalMemoryBytes: number;
  readonly availableMemoryBytes: number;
  /** Engine processes this configuration will start at most. */
  readonly engines: number;
  readonly disk: DiskFacts;
  /** Permission bits of the data folder; null when it is not there yet. */
  readonly dataDirMode: number | null;
  readonly outbox: { readonly state: 'none' | 'sound' | 'in-use' | 'damaged'; readonly detail: string };
  readonly sensors: readonly { readonly name: string; readonly problem: string | null }[];
  readonly broker: { readonly address: string; readonly problem: string | null };
  readonly models: readonly {
    readonly bundle: string;
    readonly engine: string | null;
    readonly problem: string | null;
  }[];
  /** `offReason` as the agent would report it; `isPinnedUnseen`: the root it trusts came from the server itself. */
  readonly updates: { readonly offReason: string | null; readonly isPinnedUnseen: boolean };
  readonly localApi: { readonly state: 'answers' | 'silent' | 'none'; readonly address: string };
}

export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly sentence: string;
  /** What to do; null when nothing is wrong. */
  readonly remedy: string | null;
}

export interface DoctorReport {
  readonly agentVersion: string;
  readonly at: number;
  /** The worst of its findings. */
  readonly verdict: Finding['verdict'];
  readonly findings: readonly Finding[];
}
