/** A whole trace in memory: changes to the disk, what was said on sockets, and what could not be followed. */
import { OperationReader, type DiskOperation, type SocketWrite } from './operations.ts';
import { readSystemCalls } from './system-calls.ts';

export interface TraceLog {
  /** In the order in which the calls returned. */
  readonly disk: readonly DiskOperation[];
  readonly sent: readonly SocketWrite[];
  /** Anything here voids the verdict. */
  readonly unwatched: readonly string[];
}

/** @param folder absolute: only files below it are followed */
export const readTraceLog = async (logFile: string, folder: string): Promise<TraceLog> => {
  const reader = new OperationReader(folder);
  const disk: DiskOperation[] = [];
  const sent: SocketWrite[] = [];
  const unwatched: string[] = [];
  for await (const call of readSystemCalls(logFile)) {
    const operation = reader.read(call);
    if (operation?.kind === 'send') sent.push(operation);
    else if (operation?.kind === 'unwatched') unwatched.push(operation.what);
    else if (operation !== undefined) disk.push(operation);
  }
  return { disk, sent, unwatched };
};
