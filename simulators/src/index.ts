/** Simulated devices, faults and the ledger, for benches and tests of other folders: the only importable file. */
export { Ledger } from './ledger.ts';
export { addFindings, agrees, type Findings } from './ledger/findings.ts';
export { LightDevice, type LightDeviceOptions, type Production } from './light-device.ts';
export { LightFleet, type LightFleetOptions } from './light-fleet.ts';
export { FaultProxy } from './faults/fault-proxy.ts';
export { assault, type Assault, type Victim } from './faults/process-killer.ts';
export { SmallDisk, smallDiskObstacle } from './faults/disk.ts';
export { skewedClock } from './faults/clock.ts';
export { sisterStream, type PumpStream } from './physics/pump-stream.ts';
export { readScenario, type Scenario } from './scenario.ts';
export { playScenario } from './scenario-player.ts';
export { seededRandom, type Random } from './seeded-random.ts';
export { SIMULATOR_ERRORS, SimulatorError, isSimulatorError } from './errors.ts';
export { Testbed, type TestbedOptions } from './testbed.ts';
export { pumpAgent, type PumpAgent } from './pump-agent.ts';
export type { UpdateProfile } from './light/light-update.ts';
