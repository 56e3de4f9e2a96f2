/** A program for the bench: writes the shipped pump network, spoilt, as one file for each variant below argv[2]. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { catalogFolder, readBundle } from '@shoal/models';
import { pumpVariants } from './pump-variants.ts';

const [, , folder = ''] = process.argv;
const shipped = join(catalogFolder(), 'pump-anomaly', '1.1.0');
const { golden } = await readBundle(shipped, { signaturePolicy: 'allow-unsigned' });
for (const [name, model] of Object.entries(pumpVariants(golden))) await writeFile(join(folder, `${name}.onnx`), model);
