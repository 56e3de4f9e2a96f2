import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAgentConfig } from '../../src/agent.ts';
import { redacted, writeDiagnostics } from '../../src/commands/diag.ts';
import { withFolder } from '../fixtures/conditions.ts';

describe('diagnostics', () => {
  it('leave out what may be secret, at any depth, and keep the rest', () => {
    const config = {
      fleet: { host: 'h', passwordFile: '/p' },
      sensors: [{ name: 's', args: ['--key', 'x'] }],
      apiToken: null,
    };
    expect(redacted(config)).toEqual({
      fleet: { host: 'h', passwordFile: '(left out)' },
      sensors: [{ name: 's', args: '(left out)' }],
      apiToken: null,
    });
  });

  it('are one file that only its owner reads, and say why there is no status', async () => {
    await withFolder(async (folder) => {
      const sensors = [{ type: 'json-lines', name: 's', command: 'read-it', args: ['hush'] }];
      const fleet = { port: 9, connectTimeoutMs: 500 };
      const config = parseAgentConfig({ deviceId: 'd', dataDir: join(folder, 'data'), fleet, sensors, localApi: null });
      const { file, contents } = await writeDiagnostics(config, folder);
      const text = await readFile(file, 'utf8');
      const parts = JSON.parse(text) as { doctor: { verdict: string }; status: { code: string } };
      expect(Object.keys(parts)).toEqual(['at', ...contents]);
      expect([parts.doctor.verdict, parts.status.code]).toEqual(['fail', 'AGENT_UNREACHABLE']);
      expect(text).not.toContain('hush');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    });
  }, 30_000);
});
