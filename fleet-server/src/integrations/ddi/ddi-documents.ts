/** What clients of hawkBit are answered, as its DDI API shapes it. */
import type { DdiArtifact, DdiCancel, DdiDeployment, DdiPoll } from '@shoal/protocol';
import type { SystemActionRow, SystemImageRow, SystemTargetRow } from '../../db/database.ts';

/** Where a client reached this server, for the links in its answers: origin, tenant and itself. */
export interface ClientPlace {
  readonly origin: string;
  readonly tenant: string;
  readonly targetId: string;
}

const rootOf = ({ origin, tenant, targetId }: ClientPlace): string => `${origin}/${tenant}/controller/v1/${targetId}`;

const two = (count: number): string => String(count).padStart(2, '0');
/** HH:MM:SS. */
export const sleepOf = (seconds: number): string =>
  [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60].map(two).join(':');

/** One thing at a time: of several open actions the oldest, and letting go before beginning. */
export const pollDocument = (
  place: ClientPlace,
  target: SystemTargetRow,
  open: SystemActionRow | undefined,
  pollSeconds: number,
): DdiPoll => {
  const link = (path: string) => ({ href: `${rootOf(place)}/${path}` });
  return {
    config: { polling: { sleep: sleepOf(pollSeconds) } },
    _links: {
      ...(open?.state === 'canceling' && { cancelAction: link(`cancelAction/${open.action_id}`) }),
      ...(open !== undefined &&
        open.state !== 'canceling' && { deploymentBase: link(`deploymentBase/${open.action_id}`) }),
      ...(target.installed_action !== null && { installedBase: link(`installedBase/${target.installed_action}`) }),
      ...(target.asks_attributes === 1 && { configData: link('configData') }),
    },
  };
};

/** The plain links are also given under the names of the encrypted ones: clients look for either. */
export const artifactDocument = (place: ClientPlace, image: SystemImageRow): DdiArtifact => {
  const path = `${rootOf(place)}/softwaremodules/${image.image_number}/artifacts/${image.file_name}`;
  const [file, sum] = [{ href: path }, { href: `${path}.MD5SUM` }];
  return {
    filename: image.file_name,
    hashes: { sha1: image.sha1, md5: image.md5, sha256: image.sha256 },
    size: image.length_bytes,
    _links: { download: file, md5sum: sum, 'download-http': file, 'md5sum-http': sum },
  };
};

/** `messages`: newest first; none when nobody asked. */
export const deploymentDocument = (
  place: ClientPlace,
  action: SystemActionRow,
  image: SystemImageRow,
  messages: readonly string[],
): DdiDeployment => ({
  id: String(action.action_id),
  deployment: {
    download: 'forced',
    update: 'forced',
    chunks: [{ part: 'os', version: image.version, name: image.name, artifacts: [artifactDocument(place, image)] }],
  },
  ...(messages.length > 0 && { actionHistory: { status: action.state.toUpperCase(), messages: [...messages] } }),
});

export const cancelDocument = ({ action_id }: SystemActionRow): DdiCancel => ({
  id: String(action_id),
  cancelAction: { stopId: String(action_id) },
});
