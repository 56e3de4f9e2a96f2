/** An updater in a process of its own, to be killed at any moment: says on standard output what serves and how its update ended. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SignedAssignment } from '@shoal/protocol';
import { nodeDisk } from '@shoal/device-agent/ota/node-disk';
import type { Releases } from './releases.ts';
import { boot, createDevice, judgeServing, memoryBlobs } from './trial.ts';

const [folder = '', releasesFile = '', assignmentText = ''] = process.argv.slice(2);
const say = (word: string, detail: string): void => void process.stdout.write(`${word} ${detail}\n`);

/** As its parent wrote it. */
const readReleases = async (): Promise<Releases> => {
  const stored = JSON.parse(await readFile(releasesFile, 'utf8')) as Releases;
  const blob = (version: string): Promise<Uint8Array> => readFile(join(releasesFile, '..', `${version}.blob`));
  const { first, second } = stored;
  return {
    ...stored,
    first: { ...first, blob: await blob(first.version) },
    second: { ...second, blob: await blob(second.version) },
  };
};

const releases = await readReleases();
const assignment = JSON.parse(assignmentText) as SignedAssignment;
const deploymentId = assignment.signed.models[0]?.deploymentId ?? '';
const blobs = memoryBlobs(releases);
const device = createDevice({
  folder,
  disk: nodeDisk,
  releases,
  fate: 'good',
  // A download takes its time, so that a kill meets it.
  blobs: {
    ...blobs,
    async *range(...asked) {
      for await (const part of blobs.range(...asked)) {
        yield part;
        await delay(3);
      }
    },
  },
});
await boot(device, assignment);
const digests = [releases.first.digest, releases.second.digest];
const problems = await judgeServing(device.serving, digests);
say('booted', problems.length === 0 ? 'sound' : problems.join('; '));
const state = await device.ended(deploymentId);
const after = await judgeServing(device.serving, digests);
say('ended', after.length === 0 ? `${state} ${device.serving.bundle?.digest ?? ''}` : `unsound ${after.join('; ')}`);
await device.updater.stop();
