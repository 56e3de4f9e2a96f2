/** What an agent can be packed for: Linux with glibc, as Node itself is built. */

export const TARGETS = ['x64', 'arm64'] as const;
export type Target = (typeof TARGETS)[number];

/** `e_machine` of an ELF header (System V ABI, AMD64 and AArch64 supplements). */
const MACHINES: Readonly<Record<Target, number>> = { x64: 62, arm64: 183 };

const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/** Null for a file that is no ELF file. */
export const elfMachine = (content: Uint8Array): number | null => {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return bytes.length >= 20 && bytes.subarray(0, 4).equals(ELF_MAGIC) ? bytes.readUInt16LE(18) : null;
};

/** Whether the file can be there: it is no native code, or native code of this machine. */
export const isForTarget = (content: Uint8Array, target: Target): boolean => {
  const machine = elfMachine(content);
  return machine === null || machine === MACHINES[target];
};
