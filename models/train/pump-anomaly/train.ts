/** Writes catalog/pump-anomaly/1.0.0 and 1.1.0. Run with `node --conditions=source models/train/pump-anomaly/train.ts`. */
import { join } from 'node:path';
import { catalogFolder, writeBundle } from '@shoal/models';
import { trainPumpAnomaly } from './build.ts';
import { bundleContent } from './bundle-content.ts';
import { makePumpAnomaly } from './deviation/build.ts';
import { bundleContent as deviationContent } from './deviation/bundle-content.ts';

for (const make of [() => bundleContent(trainPumpAnomaly()), () => deviationContent(makePumpAnomaly())]) {
  const startedAt = performance.now();
  const content = make();
  const { name, version } = content.manifest;
  await writeBundle(join(catalogFolder(), name, version), content);
  process.stdout.write(`${name} ${version} in ${Math.round(performance.now() - startedAt)} ms\n`);
}
