/** Finds a program that lies beside the calling file, as source or as built, and how Node runs it. */
import { fileURLToPath } from 'node:url';

export interface SiblingProgram {
  readonly file: string;
  /** Sources run as they are when the caller does. */
  readonly execArgv: string[];
}

/** @param path relative, without extension */
export const siblingProgram = (callerUrl: string, path: string): SiblingProgram => {
  const isSource = callerUrl.endsWith('.ts');
  return {
    file: fileURLToPath(new URL(`${path}.${isSource ? 'ts' : 'js'}`, callerUrl)),
    execArgv: isSource ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
  };
};
