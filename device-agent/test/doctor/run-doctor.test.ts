import { describe, expect, it } from '@jest/globals';
import type { DoctorFacts } from '../../src/doctor/doctor-facts.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';

const HEALTHY: DoctorFacts = {
  agentVersion: '1.0.0',
  now: Date.UTC(2026, 10, 26),
  clockSynchronised: true,
  nodeVersion: '24.21.0',
  opensslVersion: '3.5.8',
  arch: 'arm64',
  cpuFeatures: ['fp', 'asimd'],
  totalMemoryBytes: 1e9,
  availableMemoryBytes: 6e8,
  engines: 1,
  disk: { path: '/data', fileSystemType: 0xef53, freeBytes: 8e9, syncMs: [3, 4, 90], refusal: null },
  dataDirMode: 0o700,
  outbox: { state: 'sound', detail: 'The outbox is sound and holds 3 records.' },
  sensors: [{ name: 'pump', problem: null }],
  broker: { address: 'fleet:1883', problem: null },
  models: [{ bundle: 'pump-anomaly', engine: 'native-child', problem: null }],
  updates: { offReason: null, isPinnedUnseen: false },
  localApi: { state: 'answers', address: 'http://127.0.0.1:8790' },
};
const disk = (over: Partial<DoctorFacts['disk']>): Partial<DoctorFacts> => ({ disk: { ...HEALTHY.disk, ...over } });

describe('the doctor', () => {
  it('finds nothing wrong with a healthy machine', () => {
    const { verdict, findings } = runDoctor(HEALTHY);
    expect(findings.filter((finding) => finding.verdict !== 'ok' || finding.remedy !== null)).toEqual([]);
    expect(findings.length).toBeGreaterThan(10);
    expect(verdict).toBe('ok');
  });

  it.each<[string, Partial<DoctorFacts>, string, 'warn' | 'fail']>([
    ['a clock of 1970', { now: 0 }, 'clock', 'fail'],
    ['a clock nobody sets', { clockSynchronised: false }, 'clock', 'warn'],
    ['an old Node', { nodeVersion: '24.9.1' }, 'node', 'fail'],
    ['no TLS 1.3', { opensslVersion: '1.1.0l' }, 'tls', 'fail'],
    ['a 32-bit system', { arch: 'arm' }, 'cpu', 'fail'],
    ['an old processor', { arch: 'x64', cpuFeatures: ['avx'] }, 'cpu', 'warn'],
    ['too little memory', { totalMemoryBytes: 1.5e8 }, 'memory', 'fail'],
    ['memory in use', { availableMemoryBytes: 1e8, localApi: { state: 'silent', address: 'x' } }, 'memory', 'warn'],
    ['a folder of somebody else', disk({ refusal: 'EACCES' }), 'disk', 'fail'],
    ['a full disk', disk({ freeBytes: 1e6 }), 'disk', 'fail'],
    ['a disk that fills', disk({ freeBytes: 1e8 }), 'disk', 'warn'],
    ['a disk that is memory', disk({ fileSystemType: 0x01021994 }), 'disk', 'warn'],
    ['a slow card', disk({ syncMs: [150, 20, 400] }), 'disk', 'warn'],
    ['a folder open to all', { dataDirMode: 0o777 }, 'data-folder', 'warn'],
    ['a damaged outbox', { outbox: { state: 'damaged', detail: 'page 3' } }, 'outbox', 'warn'],
    ['no sensors', { sensors: [] }, 'sensors', 'warn'],
    ['a sensor that is gone', { sensors: [{ name: 'pump', problem: 'ENOENT' }] }, 'sensor pump', 'fail'],
    ['a fleet server that is gone', { broker: { address: 'fleet:1883', problem: 'ECONNREFUSED' } }, 'broker', 'fail'],
    ['a model that does not run', { models: [{ bundle: 'm', engine: null, problem: 'no' }] }, 'model m', 'fail'],
    ['an agent that does not run', { localApi: { state: 'silent', address: 'x' } }, 'local-api', 'warn'],
  ])('names %s, and what to do about it', (_what, over, check, verdict) => {
    const report = runDoctor({ ...HEALTHY, ...over });
    const found = report.findings.find((finding) => finding.check === check);
    expect(found).toMatchObject({ verdict, remedy: expect.stringMatching(/\w{3}/) });
    expect(report.verdict).toBe(verdict);
  });

  it('does not warn of memory that the running agent itself takes', () => {
    expect(runDoctor({ ...HEALTHY, availableMemoryBytes: 1e8 }).verdict).toBe('ok');
  });
});
