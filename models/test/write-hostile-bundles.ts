/** A program for the bench: writes every model of the zoo as a bundle below argv[2] and prints what they are, as one line of JSON. */
import { join } from 'node:path';
import { writeBundle } from '@shoal/models';
import { contentOf, TINY_VIEW } from './test-bundles.ts';
import { HOSTILE_ZOO } from './hostile-zoo.ts';

const [, , root = ''] = process.argv;
const written: object[] = [];
for (const { name, stage, channel, ...plan } of HOSTILE_ZOO) {
  const featureView = { ...TINY_VIEW, channels: [channel] };
  const window = { channels: [channel], sampleRateHz: 10, lengthMs: 1_000, hopMs: 1_000, minCoverage: 1 };
  const content = contentOf({
    ...plan,
    manifest: { name, featureView, window, ...plan.manifest },
  });
  const folder = join(root, name);
  await writeBundle(folder, content);
  written.push({ name, stage, folder });
}
process.stdout.write(`${JSON.stringify(written)}\n`);
