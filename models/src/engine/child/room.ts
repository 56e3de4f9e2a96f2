/** Whether this machine has the memory to give a model a process of its own: a pure decision, and the look at memory. */
import { totalmem } from 'node:os';

export interface MachineMemory {
  /** Bytes that can be had now. */
  readonly available: number;
  readonly total: number;
}

/** Of all memory: for what is there to grow, and for everything that is no engine. */
const RESERVE = 0.25;

/** @param wanted bytes that the process may come to hold */
export const leavesReserve = (wanted: number, { available, total }: MachineMemory): boolean =>
  available - wanted >= total * RESERVE;

/** Of the machine, or of the control group where that has less. */
export const machineMemory = (): MachineMemory => {
  const constrained = process.constrainedMemory();
  const isConstrained = constrained > 0 && constrained < totalmem();
  return { available: process.availableMemory(), total: isConstrained ? constrained : totalmem() };
};

/** For `hasRoom` of an engine on a device. */
export const hasRoom = (wantedBytes: number): boolean => leavesReserve(wantedBytes, machineMemory());
