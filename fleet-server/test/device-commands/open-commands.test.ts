/** The index of open commands against a plain list. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OpenCommands, type OpenCommand } from '../../src/device-commands/open-commands.ts';

const commandId = fc.constantFrom('k-1', 'k-2', 'k-3', 'k-4', 'k-5');
const step = fc.oneof(
  fc.record({ commandId, deviceId: fc.constantFrom('a', 'b'), expiresAt: fc.nat(50) }),
  fc.record({ remove: commandId }),
  fc.record({ now: fc.nat(60) }),
);

describe('open commands', () => {
  it('names exactly those that are due, and counts by device', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const open = new OpenCommands();
        const model = new Map<string, OpenCommand>();
        for (const next of steps) {
          const now = 'now' in next ? next.now : -1;
          const due = [...model.values()].filter((command) => command.expiresAt <= now);
          expect(new Set(open.due(now))).toEqual(new Set(due));
          if ('now' in next) continue;
          if ('remove' in next) {
            open.remove(next.remove);
            model.delete(next.remove);
          } else if (!model.has(next.commandId)) {
            open.add(next);
            model.set(next.commandId, next);
          }
          for (const deviceId of ['a', 'b']) {
            const count = [...model.values()].filter((command) => command.deviceId === deviceId).length;
            expect(open.countOf(deviceId)).toBe(count);
          }
        }
      }),
    );
  });
});
