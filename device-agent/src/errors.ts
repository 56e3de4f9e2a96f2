/** The catalogue of what can go wrong in a device agent, with the remedy. */

interface ErrorEntry {
  readonly description: string;
  /** Whether the same action can succeed later without anybody changing the configuration. */
  readonly retryable: boolean;
}

const once = (description: string): ErrorEntry => ({ description, retryable: false });
const again = (description: string): ErrorEntry => ({ description, retryable: true });

const CATALOGUE = {
  CONFIG_UNREADABLE: once('The configuration file cannot be read or is not JSON. Check the path given with --config.'),
  CONFIG_INVALID: once(
    'The configuration does not match its schema. Every fault is listed with its path; correct them.',
  ),
  STATE_FILE_WRITE_FAILED: again(
    'A small state file cannot be written. Check space and permissions of the data folder.',
  ),
  SENSOR_FILE_MISSING: again('The recording cannot be opened. Check the path of the sensor, or mount its disk.'),
  SENSOR_FILE_EMPTY: once('The recording has no row that could be read. Give a file with a header line and data.'),
  SENSOR_NO_TIME_COLUMN: once('The recording has no time column. Name it with "timeColumn" in the sensor.'),
  SENSOR_TOO_WIDE: once('A source has more channels, or longer names, than a record may have. Leave some out.'),
  SENSOR_ROWS_INVALID: once('Rows or lines of a source cannot be used: left out, counted by reason. Check the source.'),
  SENSOR_PROCESS_FAILED: again('The child process of a sensor cannot be started or ended; it is started again.'),
  SENSOR_STREAM_FAILED: again('A sensor source failed while it was read; it is opened again after a pause.'),
  SENSOR_DEVICE_NOT_FOUND: again(
    'The kernel has no device of that name, or several. Correct "device" of the sensor, or attach it; it is looked for again.',
  ),
  SENSOR_DEVICE_GONE: again('A device disappeared while it was read; it is looked for again after a pause. Check it.'),
  SENSOR_CHANNEL_UNKNOWN: once('The device has no channel of that name; those it has are listed. Correct "channels".'),
  SENSOR_SERIAL_FAILED: again(
    'A serial port cannot be opened, failed or was unplugged; it is tried again. Check path, permissions (group dialout) and cable.',
  ),
  LOCAL_BROKER_FAILED: again(
    'The MQTT broker on this machine cannot be reached, refused or closed the connection; it is tried again. Check its port.',
  ),
  RULE_ACTION_FAILED: again(
    'A command or message of a local rule failed or took too long; the next transition runs it again. The message says why.',
  ),
  CALIBRATION_NOT_DECLARED: once('The model takes every device as it is. Ask for a model whose bundle declares one.'),
  CALIBRATION_NOT_KEPT: again('The calibration cannot be written and ends with the process. Check the data folder.'),
  CALIBRATION_UNSTEADY: once(
    'The device was too restless while a model learnt its normal. Send the command "calibrate" when it runs steadily.',
  ),
  MODEL_NOT_IN_CATALOGUE: once('No bundle of that name is in the catalogue. Correct the name or give a folder.'),
  MODEL_SOURCE_MISMATCH: once('No sensor of that name has every channel of the model. Correct "source" of the model.'),
  OUTBOX_LOCKED: once('Another process uses this outbox. Give every agent its own data folder.'),
  OUTBOX_FROM_NEWER_AGENT: once('A newer agent wrote this outbox. Install that version again or move the file away.'),
  OUTBOX_CORRUPT: again('The outbox file is damaged; it is set aside and a new one is begun under a new epoch.'),
  OUTBOX_DISK_FULL: again('The disk is full; records wait in bounded memory until there is space again. Free some.'),
  OUTBOX_WRITE_FAILED: again('The outbox cannot be written. Check the disk and the permissions of the data folder.'),
  LINK_CONNECT_FAILED: again('The fleet server cannot be reached. Check host, port and network; it is tried again.'),
  LINK_REFUSED: again('The fleet server refused this device. Check its id and its registration.'),
  LINK_LOST: again('The connection to the fleet server ended; it is made again after a pause.'),
  LINK_SILENT: again(
    'Nothing came from the fleet server for 1.4 keepalive periods: the link was half open; it is made again.',
  ),
  BIRTH_UNANSWERED: again('The fleet server did not answer the birth in time; the connection is made again.'),
  PUBLISH_UNACKNOWLEDGED: again('A message was not acknowledged in time; the connection is made again.'),
  REQUEST_TIMED_OUT: again('The fleet server did not answer a request within its deadline; it is asked again later.'),
  REQUEST_REFUSED: again('The fleet server refused a request; its own code says why, and it is asked again later.'),
  REPLY_INVALID: again('A message of the fleet server does not match its schema; it is ignored and counted.'),
  DESIRED_INVALID: once('A desired configuration is not valid; the last good one stays in force. Correct the twin.'),
  COMMAND_INTERRUPTED: once('The agent stopped while it ran this command; it is not run again. Send a new one.'),
  COMMAND_FAILED: once('A command could not be carried out; the message says why.'),
  UPDATES_OFF: once('This device takes no updates, as the message says. Set "updates" in its configuration.'),
  UPDATE_OFFLINE: again('The fleet server gives no metadata or bundle now; it is asked again. Check "updates.url".'),
  UPDATE_TOO_SLOW: again('A bundle comes so slowly that it may never come; it is asked for again. Check the network.'),
  UPDATE_NO_SPACE: again('There is no room for a bundle; it is tried again. Free some space in the data folder.'),
  UPDATE_DISK_FAILED: again('The disk refused a step of an update; it is tried again. Check the data folder.'),
  UPDATE_ROOT_UNKNOWN: once('The root that this device is to trust cannot be read. Correct "updates.rootFile".'),
  UPDATE_METADATA_FAILED: again(
    'The process that looks into the metadata of the fleet gave no answer; it is run again.',
  ),
  UPDATE_METADATA_EXPIRED: again(
    'The metadata of the fleet is too old to be believed. Publish it anew, or look for who holds it back.',
  ),
  UPDATE_METADATA_OLDER: again('The fleet server gives metadata older than what this device has seen. Restore it.'),
  UPDATE_METADATA_UNTRUSTED: again(
    'The metadata of the fleet is not signed by whom this device trusts. Check the keys of the server, and who serves it.',
  ),
  UPDATE_NOT_IN_REPOSITORY: once('A bundle was assigned that the repository does not sign. Publish it first.'),
  UPDATE_CONTRADICTED: once('Director, repository and bundle differ about a release. Do not use it; publish it again.'),
  UPDATE_INCOMPATIBLE: once('The release is not for this machine or agent. Assign one that is.'),
  UPDATE_CHUNK_INVALID: again('Part of a bundle is not what was signed; that part is fetched again.'),
  UPDATE_CORRUPT: once('A bundle was three times not what was signed. Check the disk of the device and the server.'),
  UPDATE_OVER_BUDGET: once('The model takes longer on this device than its windows allow. Assign a smaller one.'),
  UPDATE_LEAKS: once('The model holds more memory with every request until none is left. Do not use it.'),
  UPDATE_NOT_COMPARABLE: once(
    'No model in force looks at the same windows, so that a shadow compares nothing. Deploy with shadow.minWindows 0.',
  ),
  UPDATE_DISAGREES: once(
    'The model says something else than the one in force on live windows too often. Do not use it.',
  ),
  UPDATE_FAILS_IN_SHADOW: once('The model did not answer live windows beside the one in force. Do not use it.'),
  UPDATE_FAILS_IN_SERVICE: once('The model failed while it served; the one before serves again.'),
  UPDATE_CRASHED: once(
    'The agent ended again and again in one state of an update, which was given up. Look at its log for why.',
  ),
  UPDATE_DEADLINE_PASSED: once('An update did not get over one of its states in time; the message says which.'),
  UPDATE_REFUSED_BEFORE: once('This device refused the same bundle before. Release another one.'),
  UPDATE_COUNTER_TOO_LOW: once('The release is older than what this device may still run. Assign a newer one.'),
  UPDATE_STORE_DAMAGED: once('What an update left on disk cannot be read any more; the version before serves.'),
  UPDATE_NOT_YET: again('An update waits for its time; nothing is wrong.'),
  UPDATE_HELD: again('Somebody on this machine holds updates; it goes on when that ends or is released.'),
  UPDATE_HOLD_INVALID: once('Updates cannot be held so. Ask for a whole number of ms within "updates.maxHoldMs".'),
  UPDATE_FAILED: once('An update failed; what ran before runs. The message says why.'),
  LOCAL_API_UNAVAILABLE: once(
    'The local API cannot listen; the agent works without it. Choose another port, 0 for any, or null for none.',
  ),
  AGENT_UNREACHABLE: again('No agent answers on its local API. Start it, or check localApi in its configuration.'),
} as const satisfies Record<string, ErrorEntry>;

export type AgentErrorCode = keyof typeof CATALOGUE;

/** What each code means, with the remedy. */
export const AGENT_ERRORS: Readonly<Record<AgentErrorCode, string>> = Object.freeze(
  Object.fromEntries(Object.entries(CATALOGUE).map(([code, entry]) => [code, entry.description])) as Record<
    AgentErrorCode,
    string
  >,
);

/** Thrown by everything in this package. `message` names the thing and the remedy; match on `code`, never on text. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;
  readonly retryable: boolean;
  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = CATALOGUE[code].retryable;
  }
}

export const isAgentError = (error: unknown): error is AgentError => error instanceof AgentError;

/** The sentence of anything thrown. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
