/** `shoal-agent doctor`: what is wrong with this machine, and what to do about it. */
import type { AgentConfig } from '../config.ts';
import type { DoctorReport } from '../doctor/doctor-facts.ts';
import { runDoctor } from '../doctor/run-doctor.ts';
import { gatherFacts } from './gather-facts.ts';

export const doctorReport = async (config: AgentConfig): Promise<DoctorReport> => runDoctor(await gatherFacts(config));

const SIGNS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** A line for each finding, its remedy below. */
export const describeDoctor = ({ findings }: DoctorReport): string =>
  findings
    .flatMap(({ check, verdict, sentence, remedy }) => [
      `${SIGNS[verdict]}  ${check.padEnd(14)}  ${sentence}`,
      ...(remedy === null ? [] : [`                      ${remedy}`]),
    ])
    .join('\n');
