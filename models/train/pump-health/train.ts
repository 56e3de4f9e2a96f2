/** Writes catalog/pump-health/1.0.0. Run with `node --conditions=source models/train/pump-health/train.ts`. */
import { join } from 'node:path';
import { catalogFolder, writeBundle } from '@shoal/models';
import { figuresOf, trainPumpHealth } from './build.ts';
import { healthContent } from './bundle-content.ts';

const trained = trainPumpHealth();
const content = healthContent(trained);
const { name, version } = content.manifest;
await writeBundle(join(catalogFolder(), name, version), content);
process.stdout.write(`${name} ${version} ${JSON.stringify(figuresOf(trained))}\n`);
