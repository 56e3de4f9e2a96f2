import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { loadAgentConfig, parseAgentConfig } from '../src/config.ts';
import { AgentError, AGENT_ERRORS } from '../src/errors.ts';
import { AGENT_VERSION } from '../src/version.ts';
import { codeOf, withFolder } from './fixtures/conditions.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const minimal = { deviceId: 'pump-07', dataDir: '/tmp/x' };

const faultsOf = (input: unknown): string => {
  try {
    parseAgentConfig(input);
    return '';
  } catch (error) {
    return error instanceof AgentError ? error.message : 'another error';
  }
};

describe('the configuration', () => {
  it('needs only an id and a folder', () => {
    expect(parseAgentConfig(minimal)).toMatchObject({
      fleet: { host: '127.0.0.1', port: 1883 },
      sensors: [],
      models: [],
    });
  });

  it('loads from the example that ships with the agent', async () => {
    const config = await loadAgentConfig(join(root, 'agent.example.json'), {});
    expect(config).toMatchObject({ deviceId: 'pump-07', models: [{ bundle: 'pump-anomaly' }] });
  });

  it('reports every fault at once, with its path', () => {
    const faults = faultsOf({ deviceId: 'Pump 7', dataDir: '', fleet: { port: 99_999 }, outbox: { maxBytez: 1 } });
    for (const path of ['deviceId', 'dataDir', 'fleet.port', 'outbox']) expect(faults).toContain(path);
    expect(faults).toContain('maxBytez');
  });

  it('refuses unknown keys, doubled sensors, two readers of standard input and sources that are no sensor', () => {
    const lines = (name: string) => ({ type: 'json-lines', name });
    expect(faultsOf({ ...minimal, unheardOf: 1 })).toContain('unheardOf');
    expect(faultsOf({ ...minimal, sensors: [lines('a'), lines('a')] })).toContain('distinct');
    expect(faultsOf({ ...minimal, sensors: [lines('a'), lines('b')] })).toContain('standard input');
    expect(faultsOf({ ...minimal, models: [{ bundle: 'x', source: 'nobody' }] })).toContain('source of a model');
  });

  it('is frozen throughout', () => {
    const config = parseAgentConfig(minimal);
    expect(Object.isFrozen(config) && Object.isFrozen(config.outbox.maxRecords)).toBe(true);
  });

  it('is overridden by the environment', async () => {
    const environment = {
      SHOAL_DEVICE_ID: 'pump-08',
      SHOAL_FLEET_PORT: '2883',
      SHOAL_DATA_DIR: '/tmp/y',
      SHOAL_LOG_LEVEL: '',
    };
    const config = await loadAgentConfig(join(root, 'agent.example.json'), environment);
    expect(config).toMatchObject({ deviceId: 'pump-08', dataDir: '/tmp/y', fleet: { port: 2883 }, logLevel: 'info' });
  });

  it('that cannot be read fails by name', async () => {
    expect(await codeOf(loadAgentConfig('/nowhere/at-all.json', {}))).toBe('CONFIG_UNREADABLE');
    await withFolder(async (folder) => {
      expect(await codeOf(loadAgentConfig(folder, {}))).toBe('CONFIG_UNREADABLE');
    });
  });
});

describe('the package', () => {
  it('has the version that the agent tells', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(AGENT_VERSION).toBe(version);
  });

  it('gives every error a remedy or a consequence to read', () => {
    for (const [code, description] of Object.entries(AGENT_ERRORS)) {
      expect(code).toMatch(/^[A-Z][A-Z_]+$/);
      expect(description.split(/[.;:]\s/).length).toBeGreaterThanOrEqual(2);
    }
  });
});
