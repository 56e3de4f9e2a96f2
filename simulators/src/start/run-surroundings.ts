/** What every kind of run is given. */
import type { Terminal } from './terminal.ts';

export interface RunSurroundings {
  readonly terminal: Terminal;
  /** For child processes. */
  readonly environment: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** 0 = any free port; known to be free otherwise. */
  readonly ports: { readonly mqttPort: number; readonly httpPort: number };
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}
