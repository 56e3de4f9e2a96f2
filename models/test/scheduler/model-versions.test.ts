import { describe, expect, test } from '@jest/globals';
import {
  LATEST_ONLY,
  moveLabel,
  noVersions,
  resolveVersion,
  servedVersions,
  withoutVersion,
  withVersion,
  type ModelVersions,
  type VersionState,
} from '@shoal/models';
import { thrownCode } from '../conditions.ts';

const version = (releaseCounter: number, state: VersionState = 'READY') => ({
  version: `1.${releaseCounter}.0`,
  releaseCounter,
  state,
  reason: state === 'READY' ? '' : 'warming up',
});
const all = [version(2), version(10), version(9)];
const served = (...versions: ReturnType<typeof version>[]): ModelVersions =>
  versions.reduce((state, one) => withVersion(state, one), noVersions('pump'));

describe('a version policy', () => {
  test('serves the newest, all, or the named, by release and not by text', () => {
    const names = (policy: Parameters<typeof servedVersions>[0]) =>
      servedVersions(policy, all).map((one) => one.version);
    expect(names(LATEST_ONLY)).toEqual(['1.10.0']);
    expect(names({ kind: 'latest', count: 2 })).toEqual(['1.10.0', '1.9.0']);
    expect(names({ kind: 'all' })).toEqual(['1.10.0', '1.9.0', '1.2.0']);
    expect(names({ kind: 'specific', versions: ['1.2.0', '3.0.0'] })).toEqual(['1.2.0']);
  });
});

describe('the versions of a model', () => {
  test('answer with the newest that is ready when none is asked for', () => {
    expect(resolveVersion(served(version(1), version(2, 'LOADING')), {}).version).toBe('1.1.0');
    expect(thrownCode(() => resolveVersion(served(version(2, 'LOADING')), {}))).toBe('VERSION_NOT_READY');
    expect(thrownCode(() => resolveVersion(noVersions('pump'), {}))).toBe('VERSION_UNKNOWN');
  });

  test('answer with the version or label that is asked for, or say why not', () => {
    const labeled = moveLabel(served(version(1), version(2, 'UNAVAILABLE')), {
      label: 'stable',
      from: null,
      to: '1.1.0',
    });
    expect(resolveVersion(labeled, { version: '1.1.0' }).releaseCounter).toBe(1);
    expect(resolveVersion(labeled, { label: 'stable' }).version).toBe('1.1.0');
    expect(resolveVersion(labeled, { label: 'stable', version: '1.1.0' }).version).toBe('1.1.0');
    expect(thrownCode(() => resolveVersion(labeled, { label: 'stable', version: '1.2.0' }))).toBe('VERSION_UNKNOWN');
    expect(thrownCode(() => resolveVersion(labeled, { label: 'canary' }))).toBe('VERSION_UNKNOWN');
    expect(thrownCode(() => resolveVersion(labeled, { version: '9' }))).toBe('VERSION_UNKNOWN');
    expect(thrownCode(() => resolveVersion(labeled, { version: '1.2.0' }))).toBe('VERSION_NOT_READY');
  });

  test('let a label move only from where it is to what can answer', () => {
    const state = served(version(1), version(2), version(3, 'LOADING'));
    const first = moveLabel(state, { label: 'stable', from: null, to: '1.1.0' });
    const second = moveLabel(first, { label: 'stable', from: '1.1.0', to: '1.2.0' });
    expect([first.labels.get('stable'), second.labels.get('stable')]).toEqual(['1.1.0', '1.2.0']);
    const move = (from: string | null, to: string | null) =>
      thrownCode(() => moveLabel(second, { label: 'stable', from, to }));
    expect(move('1.1.0', '1.1.0')).toBe('LABEL_CONFLICT');
    expect(move(null, '1.1.0')).toBe('LABEL_CONFLICT');
    expect(move('1.2.0', '1.3.0')).toBe('VERSION_NOT_READY');
    expect(move('1.2.0', '4')).toBe('VERSION_UNKNOWN');
    expect(moveLabel(second, { label: 'stable', from: '1.2.0', to: null }).labels.size).toBe(0);
  });

  test('lose no version that a label points to', () => {
    const labeled = moveLabel(served(version(1), version(2)), { label: 'stable', from: null, to: '1.1.0' });
    expect(thrownCode(() => withoutVersion(labeled, '1.1.0'))).toBe('VERSION_LABELED');
    expect([...withoutVersion(labeled, '1.2.0').versions.keys()]).toEqual(['1.1.0']);
  });
});
