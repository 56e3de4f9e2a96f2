import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openLocalBroker } from '../../src/local-broker/local-broker.ts';
import { ActionQueue } from '../../src/rules/action-queue.ts';
import { CommandAction, type CommandOptions } from '../../src/rules/command-action.ts';
import { MqttAction } from '../../src/rules/mqtt-action.ts';
import type { RuleAction, RuleFacts } from '../../src/rules/rule-actions.port.ts';
import { withBroker } from '../fixtures/broker-fixture.ts';
import { codeOf, eventually, withFolder } from '../fixtures/conditions.ts';

const FACTS: RuleFacts = {
  rule: 'hot',
  transition: 'fired',
  deviceId: 'pump-07',
  observedAt: 1_760_000_000_000,
  stream: 'pump',
  value: 81,
  severity: 'alarm',
  message: '$(touch /tmp/x); `reboot`',
};
const forever = new AbortController().signal;
const shell = (script: string, over: Partial<CommandOptions> = {}): CommandAction =>
  new CommandAction({ file: '/bin/sh', args: ['-c', script], environment: {}, timeoutMs: 20_000, ...over });

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a command of a rule', () => {
  it('is told what happened on standard input, and has a minimal environment', async () => {
    await withFolder(async (folder) => {
      const [told, env] = [join(folder, 'told'), join(folder, 'env')];
      await shell(`cat > ${told}; env > ${env}`, { environment: { SIREN: '7' } }).run(FACTS, forever);
      expect(JSON.parse(await readFile(told, 'utf8'))).toEqual(FACTS);
      const names = (await readFile(env, 'utf8')).split('\n').map((line) => line.split('=')[0]);
      expect(names.filter((name) => !['', 'PWD', 'SHLVL', '_', 'OLDPWD'].includes(name ?? ''))).toHaveLength(3);
      expect(names).toEqual(expect.arrayContaining(['LANG', 'PATH', 'SIREN']));
    });
  });

  it('need not read it', async () => {
    const unread = shell('exec true').run({ ...FACTS, message: 'x'.repeat(500_000) }, forever);
    expect(await codeOf(unread)).toBe('resolved');
  });

  it('that fails, is missing or floods its output fails by name', async () => {
    expect(await codeOf(shell('exit 3').run(FACTS, forever))).toBe('RULE_ACTION_FAILED');
    expect(await codeOf(shell('', { file: '/nowhere/siren' }).run(FACTS, forever))).toBe('RULE_ACTION_FAILED');
    const flood = shell('head -c 3000000 /dev/zero | tr "\\0" x; echo the end >&2; exit 1').run(FACTS, forever);
    await expect(flood).rejects.toThrow(/^\/bin\/sh ended with 1\. .*x{100}/);
    await expect(flood.catch((error: Error) => error.message.length)).resolves.toBeLessThan(600);
  });

  it('that takes too long is killed with all it started', async () => {
    await withFolder(async (folder) => {
      const pids = join(folder, 'pids');
      const hanging = shell(`sleep 1000 & echo $! > ${pids}; echo $$ >> ${pids}; wait`, { timeoutMs: 500 });
      await expect(hanging.run(FACTS, forever)).rejects.toThrow('took longer than 500 ms');
      const [child, parent] = (await readFile(pids, 'utf8')).trim().split('\n').map(Number);
      await eventually(() => !isRunning(child ?? 0) && !isRunning(parent ?? 0));
    });
  }, 30_000);

  it('is ended with the agent', async () => {
    const ending = new AbortController();
    const running = shell('sleep 1000').run(FACTS, ending.signal);
    ending.abort();
    await expect(running).rejects.toThrow('was stopped with the agent');
  });
});

describe('a message of a rule', () => {
  const message = (port: number, timeoutMs: number, payload?: string): MqttAction =>
    new MqttAction({
      broker: { host: '127.0.0.1', port, keepaliveSeconds: 30, connectTimeoutMs: 2_000 },
      topic: 'house/siren',
      payload,
      qos: 1,
      retain: true,
      timeoutMs,
      openBroker: openLocalBroker,
      retryPauseMs: () => 20,
    });

  it('says what happened, or what the configuration says, and leaves no connection behind', async () => {
    await withBroker(async (broker) => {
      await message(broker.port, 10_000).run(FACTS, forever);
      await message(broker.port, 10_000, 'ON').run(FACTS, forever);
      const sent = broker.published.filter(({ topic }) => topic === 'house/siren');
      expect(sent.map(({ payload }) => payload)).toEqual([JSON.stringify(FACTS), 'ON']);
      expect(sent.every(({ retain }) => retain)).toBe(true);
      await eventually(() => broker.clients === 0);
    });
  }, 30_000);

  it('waits for a broker that is away, within its time', async () => {
    await withBroker(async (broker) => {
      await broker.stop();
      const sending = message(broker.port, 20_000, 'ON').run(FACTS, forever);
      await broker.start();
      await sending;
      expect(broker.published.some(({ payload }) => payload === 'ON')).toBe(true);
    });
    expect(await codeOf(message(1, 100).run(FACTS, forever))).toBe('RULE_ACTION_FAILED');
  }, 30_000);
});

describe('the queue of a rule', () => {
  it('runs one thing at a time, keeps only the latest that waits, and goes on after a failure', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [began, failed] = [[] as number[], [] as string[]];
    let running = 0;
    const action: RuleAction = {
      run: async ({ observedAt }) => {
        began.push(observedAt);
        running += 1;
        expect(running).toBe(1);
        await gates[began.length - 1]?.promise;
        running -= 1;
        if (observedAt === 0) throw new Error('it broke');
      },
    };
    const queue = new ActionQueue({ onFailure: (name) => void failed.push(name) });
    for (let observedAt = 0; observedAt < 10; observedAt += 1) {
      queue.put({ facts: { ...FACTS, observedAt }, actions: [['siren', action]] });
    }
    for (const { resolve } of gates) resolve();
    await queue.settled();
    expect(began[0]).toBe(0);
    expect(began.at(-1)).toBe(9);
    expect(began.length + queue.counters.coalesced).toBe(10);
    expect(failed).toEqual(['siren']);
    await queue.stop();
    queue.put({ facts: FACTS, actions: [['siren', action]] });
    await queue.settled();
    expect(began.at(-1)).toBe(9);
  });
});
