/** `shoal-server keys init | ls | rotate | export-root`: the keys that sign what devices install. Works on files, without a server. */
import { writeFile } from 'node:fs/promises';
import { keyIdOf, readDirectorKeys } from '@shoal/models/trust';
import { Argument, type Command } from 'commander';
import { dataPath, loadConfig } from '../config.ts';
import { FleetError } from '../errors.ts';
import {
  initKeys,
  OFFLINE_ROLES,
  ONLINE_ROLES,
  readKeyRing,
  rotateKeys,
  type KeyRing,
  type KeyRole,
} from '../models/key-folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface SharedOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly offline?: string;
}

const keysFolder = ({ config: file, dataDir }: SharedOptions, environment: Environment): string => {
  const flags = dataDir === undefined ? {} : { dataDir };
  const config = loadConfig({ file, environment, flags });
  return config.models.keysDir ?? dataPath(config, 'keys');
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const day = (at: number): string => new Date(at).toISOString().slice(0, 10);

const describe = ({
  root,
  signers,
  directorKeys,
  targetsVersion,
  targetsExpireAt,
  isDevelopment,
}: KeyRing): string[] => {
  const { roles } = root;
  const line = (role: string, ids: readonly string[], more = ''): string =>
    `${role.padEnd(10)} ${ids.map((id) => id.slice(0, 16)).join(' ')}${more}`;
  return [
    line(
      'root',
      roles.root.keys.map(keyIdOf),
      `  ${roles.root.threshold} of ${roles.root.keys.length}, version ${root.version}, until ${day(root.expiresAt)}`,
    ),
    line('targets', roles.targets.keys.map(keyIdOf), `  version ${targetsVersion}, until ${day(targetsExpireAt)}`),
    line('bins', [keyIdOf(signers.bins)]),
    line('snapshot', roles.snapshot.keys.map(keyIdOf)),
    line('timestamp', roles.timestamp.keys.map(keyIdOf)),
    line('director', [...readDirectorKeys(directorKeys).keys()]),
    ...(isDevelopment ? ['DEVELOPMENT KEYS: a root key lies in this folder. Whoever takes it takes the fleet.'] : []),
  ];
};

const positive = (text: string, most: number): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new FleetError('CONFIG_INVALID', `"${text}" is no number from 1 to ${most}.`);
};

interface InitOptions extends SharedOptions {
  readonly rootKeys: string;
  readonly threshold: string;
  readonly bits: string;
}

const init = async (folder: string, options: InitOptions): Promise<void> => {
  const size = {
    rootKeys: positive(options.rootKeys, 16),
    rootThreshold: positive(options.threshold, 16),
    bits: positive(options.bits, 12),
  };
  if (size.rootThreshold > size.rootKeys)
    throw new FleetError('CONFIG_INVALID', 'The threshold cannot be above the number of root keys.');
  const offline = options.offline ?? folder;
  await initKeys({ folder, offline, now: Date.now() }, size);
  say(describe(await readKeyRing(folder)).join('\n'));
  if (offline !== folder)
    say(
      `The private keys of root and targets are in ${offline}: take them off this machine, and keep each root key apart.`,
    );
};

const shared = (command: Command): Command =>
  command
    .option('--config <file>', 'JSON configuration file of the server')
    .option('--data-dir <dir>', 'folder of the databases');

const OFFLINE_HELP = 'folder of the private keys of root and targets; without it they are beside the others';

export const addKeys = (program: Command, environment: Environment): void => {
  const folderOf = (options: SharedOptions): string => keysFolder(options, environment);
  const keys = program.command('keys').description('keys that sign what devices install');
  shared(keys.command('init'))
    .option('--offline <dir>', OFFLINE_HELP)
    .option('--root-keys <n>', 'root keys', '3')
    .option('--threshold <n>', 'root keys that must sign together', '2')
    .option('--bits <n>', '2^n bins of targets', '8')
    .description('make every key and sign the first root; before the first start')
    .action((options: InitOptions) => init(folderOf(options), options));
  shared(keys.command('ls'))
    .description('who signs what, and until when')
    .action(async (options: SharedOptions) => say(describe(await readKeyRing(folderOf(options))).join('\n')));
  shared(keys.command('rotate'))
    .addArgument(new Argument('<role>', 'whose key').choices([...OFFLINE_ROLES, ...ONLINE_ROLES]))
    .option('--offline <dir>', OFFLINE_HELP)
    .description('a new key for a role; the server takes it up with its next start')
    .action(async (role: KeyRole, options: SharedOptions) => {
      const folder = folderOf(options);
      await rotateKeys({ folder, offline: options.offline ?? folder, now: Date.now() }, role);
      say(describe(await readKeyRing(folder)).join('\n'));
    });
  shared(keys.command('export-root'))
    .argument('<file>', 'where to write it')
    .description('write the first root, which devices are given before their first start')
    .action(async (file: string, options: SharedOptions) => {
      const [root] = (await readKeyRing(folderOf(options))).roots;
      await writeFile(file, root ?? '');
      say(`The first root is in ${file}; give it to every device.`);
    });
};
