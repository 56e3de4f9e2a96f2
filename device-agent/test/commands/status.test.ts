import { describe, expect, it } from '@jest/globals';
import { localUrlOf } from '../../src/commands/status.ts';
import { codeOf } from '../fixtures/conditions.ts';

describe('the address that status asks', () => {
  it.each([
    [{ host: '127.0.0.1', port: 8790 }, 'http://127.0.0.1:8790'],
    [{ host: '::1', port: 8790 }, 'http://[::1]:8790'],
  ] as const)('of %j is %s', (localApi, url) => {
    expect(localUrlOf({ localApi })).toBe(url);
  });

  it.each([[null], [{ host: '127.0.0.1', port: 0 } as const]])('cannot be known from %j', async (localApi) => {
    expect(await codeOf(Promise.resolve({ localApi }).then(localUrlOf))).toBe('AGENT_UNREACHABLE');
  });
});
