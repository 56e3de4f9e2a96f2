/** A command that dies with its parent, steps back for others, and is the first to go when memory runs out. */

export interface ProcessBounds {
  /** An argument of `ulimit`, or `none`. */
  readonly cap: string;
  /** To the kernel that looks for memory, 0 to 1000: the highest goes first. */
  readonly oomScore: number;
  /** 0: like its parent. */
  readonly niceness: number;
  /** Besides: runs when nobody else wants the processor, where the system has util-linux's chrt (SCHED_IDLE, sched(7)). */
  readonly isIdle?: boolean;
}

/**
 * `$0` is the cap as `ulimit` takes it, `$1` the score for the kernel when memory runs out, `$2` whether it is idle, the rest the
 * command. Where the system has util-linux's setpriv the kernel kills the process with its parent even in the middle of its work;
 * elsewhere the closed socket ends it when it looks.
 */
const SCRIPT = `[ "$0" = none ] || ulimit $0 2>/dev/null
{ echo "$1" > /proc/self/oom_score_adj; } 2>/dev/null
idle=$2
shift 2
if [ "$idle" = idle ] && chrt -i 0 true 2>/dev/null; then set -- chrt -i 0 "$@"; fi
if setpriv --pdeathsig KILL true 2>/dev/null; then exec setpriv --pdeathsig KILL "$@"; fi
exec "$@"`;

/** Arguments for `sh`. */
export const boundCommand = (
  { cap, oomScore, niceness, isIdle = false }: ProcessBounds,
  command: readonly string[],
): string[] => {
  const lower = niceness === 0 ? [] : ['nice', '-n', String(niceness)];
  return ['-c', SCRIPT, cap, String(oomScore), isIdle ? 'idle' : 'usual', ...lower, ...command];
};
