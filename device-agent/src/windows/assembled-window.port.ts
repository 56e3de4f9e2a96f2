/** A window of one model, as the inference loop takes it: what the assembler cuts that device and server share. */
export type { AssembledWindow } from '@shoal/models';
