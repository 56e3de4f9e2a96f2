/** Starts an engine process: capped memory, an empty private folder, hardly any environment, dead when its parent dies. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { boundCommand } from './bound-command.ts';

export interface ChildLaunch {
  /** The entry file of the engine, `.ts` from the sources, `.js` from `dist/`. */
  readonly entry: URL;
  /** Virtual memory cap in kB for `ulimit -v`; null for none. */
  readonly virtualMemoryKb: number | null;
  /** Cap in kB on writable memory for `ulimit -d`, where that on addresses cannot hold. */
  readonly dataKb?: number;
  /** V8 flags beyond the small heap. */
  readonly nodeFlags: readonly string[];
  /** For a model that is new or has done harm: everything else goes before it, for the processor and when memory runs out. */
  readonly givesWay?: boolean;
}

const HEAP_FLAGS = ['--max-old-space-size=48', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];

/** To the kernel that looks for memory: an engine goes before the agent that can start it again, one that gives way before all. */
const OOM_SCORE = { givesWay: 1_000, trusted: 300 } as const;
/** A third of the processor's time that others get: low enough to disturb nobody, high enough that it comes to a verdict beside busy others. */
const NICENESS = 5;

/** onnxruntime sends telemetry unless told otherwise; malloc keeps every arena it ever grew unless told otherwise. */
export const childEnvironment = (folder: string): Record<string, string> => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: folder,
  TMPDIR: folder,
  ORT_DISABLE_TELEMETRY: '1',
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '100000',
});

const capOf = ({ virtualMemoryKb, dataKb }: ChildLaunch): string => {
  if (virtualMemoryKb !== null) return `-v ${virtualMemoryKb}`;
  return dataKb === undefined ? 'none' : `-d ${dataKb}`;
};

/** Arguments for `sh`. From the sources the process resolves the workspace through the `source` condition, as its parent does. */
export const childArguments = (launch: ChildLaunch, node: string): string[] => {
  const { entry, nodeFlags, givesWay = false } = launch;
  const path = fileURLToPath(entry);
  const conditions = path.endsWith('.ts') ? ['--conditions=source'] : [];
  const bounds = {
    cap: capOf(launch),
    oomScore: givesWay ? OOM_SCORE.givesWay : OOM_SCORE.trusted,
    niceness: givesWay ? NICENESS : 0,
  };
  return boundCommand(bounds, [node, ...HEAP_FLAGS, ...nodeFlags, ...conditions, path]);
};

/** From now on a process that was to give way is like any other, as far as the system lets its user say so; it is when it starts next. */
export const endGivingWay = (pid: number): void => {
  try {
    setPriority(pid, getPriority());
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(OOM_SCORE.trusted));
  } catch {
    return;
  }
};

/** `folder` is the working directory; stderr is piped, stdin and stdout are closed, the fourth is a socket that carries `wire.ts`. */
export const spawnChild = (launch: ChildLaunch, folder: string): ChildProcess =>
  spawn('/bin/sh', childArguments(launch, process.execPath), {
    cwd: folder,
    env: childEnvironment(folder),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
