/** The load process: many load devices on one event loop, steered by the bench through Node's own channel. */
import { seededRandom } from '../seeded-random.ts';
import { LoadDevice } from './load-device.ts';
import { loadEpoch } from './load-records.ts';
import type { LoadAnswer, LoadPlan, LoadReport, LoadRequest } from './load-messages.ts';

const makeDevices = (plan: LoadPlan): LoadDevice[] =>
  Array.from(
    { length: plan.devices },
    (_, index) =>
      new LoadDevice({
        identity: { index, epoch: loadEpoch(plan.seed, index), bornAt: plan.bornAt },
        port: plan.port,
        window: plan.window,
        thinkMs: plan.thinkMs,
        maxMessages: plan.maxMessagesPerDevice,
        random: seededRandom(`${plan.seed}/${index}`),
      }),
  );

const sum = (devices: readonly LoadDevice[], of: (device: LoadDevice) => number): number =>
  devices.reduce((total, device) => total + of(device), 0);

const reportOf = (devices: readonly LoadDevice[]): LoadReport => {
  const report = {
    acknowledged: devices.map((device) => device.acknowledged.splice(0)),
    inFlightAtLoss: sum(devices, (device) => device.inFlightAtLoss),
    inFlight: sum(devices, (device) => device.inFlight),
    waiting: sum(devices, (device) => device.waiting),
    readyDevices: sum(devices, (device) => (device.isReady ? 1 : 0)),
    regressions: sum(devices, (device) => device.regressions),
  };
  for (const device of devices) device.inFlightAtLoss = 0;
  return report;
};

const serve = (): void => {
  let devices: LoadDevice[] = [];
  const answer = (request: LoadRequest): LoadAnswer => {
    switch (request.op) {
      case 'start':
        devices = makeDevices(request.plan);
        for (const device of devices) device.start();
        return {};
      case 'report':
        return { report: reportOf(devices) };
      case 'connections':
        return { connections: devices.flatMap((device) => device.connections) };
      case 'drain':
        for (const device of devices) device.drain();
        return {};
      case 'stop':
        for (const device of devices) device.stop();
        return {};
    }
  };
  process.on('message', (request: LoadRequest) => {
    process.send?.(answer(request), () => {
      if (request.op === 'stop') process.disconnect();
    });
  });
  process.on('disconnect', () => process.exit(0));
};

serve();
