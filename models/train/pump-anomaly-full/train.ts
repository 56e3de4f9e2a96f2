/** Writes catalog/pump-anomaly-full/1.0.0. Run with `node --conditions=source models/train/pump-anomaly-full/train.ts`. */
import { join } from 'node:path';
import { catalogFolder, writeBundle } from '@shoal/models';
import { bundleContent } from './bundle-content.ts';

const content = bundleContent();
const { name, version } = content.manifest;
await writeBundle(join(catalogFolder(), name, version), content);
process.stdout.write(`${name} ${version}\n`);
