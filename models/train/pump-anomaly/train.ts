/** Writes catalog/pump-anomaly/1.0.0. Run with `node --conditions=source models/train/pump-anomaly/train.ts`. */
import { join } from 'node:path';
import { catalogFolder, writeBundle } from '@shoal/models';
import { trainPumpAnomaly } from './build.ts';
import { bundleContent } from './bundle-content.ts';

const startedAt = performance.now();
const content = bundleContent(trainPumpAnomaly());
const { name, version } = content.manifest;
await writeBundle(join(catalogFolder(), name, version), content);
process.stdout.write(`${name} ${version} in ${Math.round(performance.now() - startedAt)} ms\n`);
