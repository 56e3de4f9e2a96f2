/** Configuration: defaults, file, environment, flags in that order; every fault at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'shoal-config-'));
const fileOf = (content: unknown): string => {
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
};
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadConfig', () => {
  it('has a default for everything', () => {
    const config = loadConfig({ file: undefined, environment: {}, flags: {} });
    expect(config).toMatchObject({ mqtt: { host: '127.0.0.1', port: 1883 }, http: { port: 8080 } });
    expect(Object.isFrozen(config.mqtt)).toBe(true);
  });

  it('lets the environment win over the file and flags over both', () => {
    const file = fileOf({ dataDir: 'from-file', mqtt: { port: 1, drainTimeoutMs: 7 }, http: { port: 1 } });
    const environment = { SHOAL_MQTT_PORT: '2', SHOAL_HTTP_PORT: '2', SHOAL_ELSEWHERE: 'ignored' };
    const config = loadConfig({ file, environment, flags: { httpPort: '3' } });
    expect(config).toMatchObject({ dataDir: 'from-file', mqtt: { port: 2, drainTimeoutMs: 7 }, http: { port: 3 } });
  });

  it('names every fault with its path, unknown keys too', () => {
    const file = fileOf({ mqtt: { port: 70_000, host: '0.0.0.0' }, storage: { retentionDays: 0 }, colour: 'blue' });
    const load = (): unknown => loadConfig({ file, environment: {}, flags: {} });
    expect(load).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        faults: expect.arrayContaining([
          expect.objectContaining({ path: 'mqtt.port' }),
          expect.objectContaining({ path: 'mqtt.host', message: expect.stringContaining('loopback') }),
          expect.objectContaining({ path: 'storage.retentionDays' }),
          expect.objectContaining({ message: expect.stringContaining('colour') }),
        ]),
      }),
    );
  });

  it('says which file cannot be read', () => {
    const load = (): unknown => loadConfig({ file: join(folder, 'absent.json'), environment: {}, flags: {} });
    expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
