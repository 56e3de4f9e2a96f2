/** Writes catalog/pump-condition/1.0.0. Run with `node --conditions=source models/train/pump-condition/train.ts`. */
import { join } from 'node:path';
import { catalogFolder, writeBundle } from '@shoal/models';
import { trainPumpCondition } from './build.ts';
import { conditionContent } from './bundle-content.ts';

const startedAt = performance.now();
const content = conditionContent(trainPumpCondition());
const { name, version } = content.manifest;
await writeBundle(join(catalogFolder(), name, version), content);
process.stdout.write(`${name} ${version} in ${Math.round(performance.now() - startedAt)} ms\n`);
