/** docs/errors.md as it must be: every code of every catalogue, with its meaning and remedy. */
import { MODEL_ERRORS } from '@shoal/models';
import { PROTOCOL_ERRORS } from '@shoal/protocol';
import { AGENT_ERRORS } from '../../device-agent/src/errors.ts';
import { CLI_ERRORS } from '../../fleet-server/cli/errors.ts';
import { FLEET_ERRORS } from '../../fleet-server/src/errors.ts';
import { SIMULATOR_ERRORS } from '../../simulators/src/errors.ts';

interface Catalogue {
  readonly title: string;
  /** Where the codes appear. */
  readonly about: string;
  /** Code → one paragraph. */
  readonly entries: Readonly<Record<string, string>>;
}

const described = <E extends { readonly description: string }>(
  catalogue: Readonly<Record<string, E>>,
  note: (entry: E) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(catalogue).map(([code, entry]) => [code, `${entry.description} ${note(entry)}`]));

export const CATALOGUES: readonly Catalogue[] = [
  {
    title: 'On the wire',
    about: '`protocol/src/errors.ts`. What a codec refuses; as `reason` of a dead letter and as `code` of a reply.',
    entries: PROTOCOL_ERRORS,
  },
  {
    title: 'Models',
    about: '`models/src/errors.ts`. Bundles, feature views and engines, on the device and in the server.',
    entries: MODEL_ERRORS,
  },
  {
    title: 'Device agent',
    about: '`device-agent/src/errors.ts`. In its log, its local status, its reported twin and its events.',
    entries: AGENT_ERRORS,
  },
  {
    title: 'Fleet server',
    about:
      '`fleet-server/src/errors.ts`. As `code` of a problem document (RFC 9457), in its log, as `reason` of a dead letter.',
    entries: described(
      FLEET_ERRORS,
      (entry) => `(HTTP ${entry.status}${entry.retryable ? ', trying again can help' : ''})`,
    ),
  },
  {
    title: 'The `shoal` command',
    about: '`fleet-server/cli/errors.ts`. On stderr; a refusal of the server is shown with the code of the server.',
    entries: described(CLI_ERRORS, (entry) => `(exit code ${entry.exitCode})`),
  },
  {
    title: 'Simulators',
    about: '`simulators/src/errors.ts`. On stderr of `npm start` and of the benches.',
    entries: SIMULATOR_ERRORS,
  },
];

const section = ({ title, about, entries }: Catalogue): string =>
  [`## ${title}`, about, ...Object.entries(entries).map(([code, text]) => `### ${code}\n\n${text}`)].join('\n\n');

export const errorsPage = (): string =>
  [
    '# Errors',
    'Match on the code, never on text. Made from the catalogues by `node --conditions=source scripts/write-errors-page.ts`; ' +
      'a test holds this page to them.',
    ...CATALOGUES.map(section),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
