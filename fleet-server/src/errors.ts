/** The catalogue of what the fleet server can answer with: every code, its HTTP status, whether trying again helps. */

import { BACKTEST_ERRORS } from './backtest-errors.ts';
import { again, once, type ErrorEntry } from './error-entry.ts';
import { SCORING_ERRORS } from './scoring-errors.ts';
import { SYSTEM_UPDATE_ERRORS } from './system-update-errors.ts';

export const FLEET_ERRORS = {
  CONFIG_INVALID: once(
    500,
    'The configuration has faults; all are listed with their path. Correct them and start again.',
  ),
  LISTEN_FAILED: once(
    500,
    'A port cannot be opened, mostly because another process holds it. Choose another port or 0.',
  ),
  DATA_DIR_IN_USE: once(
    500,
    'Another server runs on the same data directory; two would damage it. Stop that one, or choose another folder.',
  ),
  DATA_DIR_UNUSABLE: once(
    500,
    'The data directory cannot be made or written. Correct its path or its rights and start again.',
  ),
  REQUEST_INVALID: once(400, 'A request whose parameters or body do not match the schema; the faults are listed.'),
  HTTP_MALFORMED: once(400, 'Bytes that are no HTTP/1.1 request; the socket is closed.'),
  REQUEST_TOO_SLOW: again(
    408,
    'A request that did not arrive whole within http.requestTimeoutMs; its socket is closed.',
  ),
  HEADERS_TOO_LARGE: once(431, 'Request headers over the bound of 16 kB. Send fewer or shorter ones.'),
  REQUEST_TOO_LARGE: once(413, 'A request body over the bound. Send less at once.'),
  MEDIA_TYPE_UNSUPPORTED: once(415, 'A request body that is not plain JSON. Send it as application/json.'),
  HOST_FORBIDDEN: once(
    403,
    'A request whose Host is no name of this machine, as a page after DNS rebinding sends it. Use localhost or 127.0.0.1.',
  ),
  ORIGIN_FORBIDDEN: once(403, 'A change asked for by a page of another origin. Only pages of this server may do that.'),
  CURSOR_INVALID: once(400, 'A cursor that this list did not hand out. Start again without a cursor.'),
  ROUTE_NOT_FOUND: once(404, 'No such route. The routes are listed at /docs.'),
  UNAUTHENTICATED: once(
    401,
    'Nobody this server knows. On this version only callers from the same machine are accepted.',
  ),
  FORBIDDEN: once(403, 'The caller may not do this.'),
  STORAGE_UNAVAILABLE: again(503, 'The telemetry file cannot be written (disk full, I/O error). Nothing was stored.'),
  STORAGE_CORRUPT: once(500, 'The telemetry file is damaged. It was set aside and a fresh one was begun.'),
  STORAGE_VERSION_UNKNOWN: once(
    500,
    'The telemetry file was written by a newer version. Start that version, or move the file away.',
  ),
  STORAGE_READ_FAILED: again(503, 'A read of stored telemetry failed. Try again; if it stays, look at the server log.'),
  SEQUENCE_CONFLICT: once(409, 'A record whose key is taken by other content; it was set aside as a dead letter.'),
  DEVICE_MISMATCH: once(403, 'A device published under another device. Publish only under the own up/ topics.'),
  TOPIC_FORBIDDEN: once(403, 'A topic this principal may not publish to; the connection is closed.'),
  FILTER_FORBIDDEN: once(403, 'A topic filter this principal may not subscribe to; answered with failure in SUBACK.'),
  FRAME_REFUSED: once(413, 'An MQTT packet over the frame bound; the connection is closed before it is read.'),
  MESSAGE_RATE_EXCEEDED: again(429, 'A device sends more messages or records than its rate allows; it is slowed down.'),
  QOS_UNSUPPORTED: once(400, 'A publish with QoS 2; use QoS 1. The connection is closed.'),
  CLIENT_ID_INVALID: once(400, 'A CONNECT without a usable client id; a device connects with its device id.'),
  MQTT_PROTOCOL_ERROR: once(
    400,
    'A packet that is not MQTT 3.1.1, a connect that did not come in time, or a socket that failed; it is closed.',
  ),
  TOO_MANY_CONNECTIONS: again(503, 'More sockets than mqtt.maxConnections allows; the new one is closed at once.'),
  DATABASE_UNAVAILABLE: again(
    503,
    'The control database cannot be used (disk full, I/O error, connection lost). Nothing was changed.',
  ),
  DATABASE_FAILED: once(
    500,
    'The control database refused a statement. The log has the details under the same request id.',
  ),
  DATABASE_SCHEMA: once(
    500,
    'The control database was written by a newer server or a migration failed. Run that version, or restore a backup.',
  ),
  DATABASE_CORRUPT: once(
    500,
    'The control database was damaged. It was set aside and a fresh one was begun; restore a backup to get the registry back.',
  ),
  AUDIT_CHAIN_BROKEN: once(
    500,
    'An audit entry was altered or removed: its hash does not follow from the one before. Compare with a backup.',
  ),
  DEVICE_NOT_FOUND: once(404, 'No such device. List the devices with GET /api/devices.'),
  DEVICE_EXISTS: once(409, 'A device with this id is registered already. Change it with PATCH.'),
  DEVICE_UNREGISTERED: once(
    409,
    'A device spoke before its birth was accepted; what it said was set aside as a dead letter.',
  ),
  LABELS_TOO_MANY: once(400, 'More labels on one device than the bound. Remove some.'),
  REVISION_STALE: once(
    409,
    'If-Match names a revision that is not the current one. Read the resource again and repeat the change.',
  ),
  TWIN_VERSION_STALE: once(
    409,
    'The desired state moved on since it was read. Read the twin again and repeat the change.',
  ),
  TWIN_TOO_LARGE: once(413, 'A twin document over the bound. Keep less in it.'),
  DESIRED_INVALID: once(
    400,
    'A desired configuration that no agent could apply; the faults are listed with their path.',
  ),
  COMMAND_NOT_FOUND: once(404, 'No such command of this device. List them with GET /api/devices/{deviceId}/commands.'),
  COMMAND_EXPIRED: once(
    409,
    'The command was not carried out before it expired. Check that the device is online and send it again.',
  ),
  COMMANDS_TOO_MANY: again(429, 'Too many open commands for one device. Wait until some have finished or expired.'),
  IDEMPOTENCY_KEY_REUSED: once(
    409,
    'The same Idempotency-Key came with another body. Use a new key for a new command.',
  ),
  CONTEXT_TOO_LARGE: once(413, 'A context document over the bound. Keep less in it.'),
  FEATURE_VIEW_NOT_FOUND: once(404, 'No such feature view. List them with GET /api/feature-views.'),
  FEATURE_VIEW_EXISTS: once(409, 'A feature view of this name is defined already. Replace it with PUT.'),
  FEATURE_VIEW_INVALID: once(400, 'A view whose name is not the one in the path. Send the view under its own name.'),
  FEATURE_VIEW_MISMATCH: once(
    409,
    'A bundle pins a feature view that is not defined here as it was in training. Define that version first.',
  ),
  FEATURE_STREAM_UNKNOWN: once(400, 'A feature of the windows of a stream that does not run. Define the stream first.'),
  FEATURE_AGGREGATE_UNKNOWN: once(
    400,
    'A feature of an aggregate, or a part of one, that the windows of the stream do not have. The detail names those there are.',
  ),
  FEATURE_KEY_MISMATCH: once(
    400,
    'The keys of the stream name other things than the entity of the view. The detail says which entity it must be.',
  ),
  FEATURE_UNKNOWN: once(400, 'A feature the view does not have. The features are listed in the view.'),
  FEATURE_NOT_PUSHED: once(400, 'A value for a feature that is computed from telemetry. Send only pushed features.'),
  FEATURE_VALUE_REFUSED: once(400, 'A value of another type than the feature declares. Send the declared type.'),
  FEATURE_EVENT_AHEAD: once(
    400,
    'A value that becomes true more than ten minutes after the time of the server. Check the clock, or send it later.',
  ),
  FEATURE_UNAVAILABLE: again(409, 'A feature of the policy fail is missing or too old, so there is no vector.'),
  FEATURE_ROW_MALFORMED: once(400, 'A row of an import that is no CSV, or has other columns than the header.'),
  FEATURE_ENTITY_INVALID: once(400, 'A row of an import without a usable entity id.'),
  FEATURE_TIME_INVALID: once(400, 'A row of an import whose eventAt is neither milliseconds nor an ISO 8601 instant.'),
  FEATURE_HEADER_INVALID: once(
    400,
    'A CSV file without the column entity, with a column twice, or with a column the view does not have; nothing was stored.',
  ),
  FEATURE_IMPORT_NOT_FOUND: once(404, 'No such import. List them with GET /api/feature-imports.'),
  FEATURE_IMPORT_EXISTS: once(
    409,
    'An import of this Idempotency-Key is there already. Look at it, or send the file again under another key.',
  ),
  FEATURE_STORE_UNAVAILABLE: again(
    503,
    'The feature file cannot be used (disk full, I/O error, thread ended). What was asked to be stored was not.',
  ),
  FEATURE_STORE_CORRUPT: once(
    500,
    'The feature file was damaged. It was set aside and a fresh one begun: windows are filled again from the log, pushed values are to be imported again.',
  ),
  FEATURE_STORE_VERSION_UNKNOWN: once(
    500,
    'The feature file was written by a newer version. Start that version, or move the file away.',
  ),
  STREAM_NOT_FOUND: once(404, 'No such stream. List them with GET /api/streams.'),
  STREAM_EXISTS: once(409, 'A stream of this name is defined already. Replace it with PUT.'),
  STREAM_INVALID: once(400, 'A stream whose name is not the one in the path. Send the definition under its own name.'),
  WINDOW_STORE_UNAVAILABLE: again(
    503,
    'The file of windows cannot be used (disk full, I/O error, thread ended). Records are stored all the same, and enter their windows when it can.',
  ),
  WINDOW_STORE_CORRUPT: once(
    500,
    'The file of windows was damaged. It was set aside and a fresh one begun: windows are filled again from the records that are stored.',
  ),
  WINDOW_STORE_VERSION_UNKNOWN: once(
    500,
    'The file of windows was written by a newer version. Start that version, or move the file away.',
  ),
  PREDICTION_NOT_FOUND: once(404, 'No such ticket, or it is past its retention. List them with GET /api/predictions.'),
  PREDICTION_INVALID: once(
    400,
    'A prediction asked for with nothing to predict from, or with more than one thing. Send entity, inputs or features.',
  ),
  PREDICTION_STATE: once(409, 'The state of the ticket does not allow it. Look at the ticket.'),
  PREDICTION_INPUT_TOO_LARGE: once(413, 'More inputs than a ticket may hold. Send fewer rows, or use /v2.'),
  PREDICTION_QUEUE_FULL: again(
    429,
    'As many tickets are open as the queue may hold; nothing was stored. Send again after Retry-After.',
  ),
  PREDICTION_QUEUE_UNAVAILABLE: again(
    503,
    'The file of tickets cannot be used (disk full, I/O error, thread ended). Ask again with the same Idempotency-Key.',
  ),
  PREDICTION_QUEUE_CORRUPT: once(
    500,
    'The file of tickets was damaged. It was set aside and a fresh one begun; what was open has to be asked again.',
  ),
  PREDICTION_QUEUE_VERSION_UNKNOWN: once(
    500,
    'The file of tickets was written by a newer version. Start that version, or move the file away.',
  ),
  MODEL_RELEASE_NOT_FOUND: once(404, 'No such model, or no such version of it. List them with GET /api/models.'),
  MODEL_BUNDLE_REFUSED: once(
    400,
    'A packed bundle with faults; all are listed with the file they are in. Correct them and push it again.',
  ),
  MODEL_VERSION_TAKEN: once(409, 'The version is released already with other content. Raise the version.'),
  MODEL_COUNTER_TAKEN: once(409, 'Another version of the model has this releaseCounter. Raise it.'),
  MODEL_RELEASE_IN_USE: once(
    409,
    'The version is run by devices, named by an alias or assigned. Take it out of use before it is removed.',
  ),
  MODEL_ALIAS_NOT_FOUND: once(404, 'The alias points nowhere. Point it to a version with PUT.'),
  MODEL_UPLOAD_INTERRUPTED: again(400, 'The connection broke before the bundle had arrived. Push it again.'),
  MODEL_UPLOADS_TOO_MANY: again(429, 'As many bundles as may are on their way. Push again after Retry-After.'),
  ARTIFACT_NOT_FOUND: once(404, 'No content of this hash, or no delta that would be worth it. Fetch the whole.'),
  ARTIFACT_STORE_UNAVAILABLE: again(
    503,
    'The folder of packed bundles cannot be used (disk full, I/O error). Nothing was released.',
  ),
  BLOB_PIECES_TOO_MANY: again(
    429,
    'As many pieces as may are on their way to this device. Ask again when one has come.',
  ),
  TUF_FILE_NOT_FOUND: once(404, 'No such metadata file; of root files this is how a client knows the newest.'),
  KEYS_INVALID: once(500, 'The folder of signing keys lacks one, or holds what is none. Restore it from its backup.'),
  KEYS_EXIST: once(409, 'There are signing keys already. Rotate them; new ones would be trusted by no device.'),
  ...SCORING_ERRORS,
  ...BACKTEST_ERRORS,
  ROLLOUT_NOT_FOUND: once(404, 'No such rollout. List them with GET /api/rollouts.'),
  ROLLOUT_STATE: once(409, 'The state of the rollout does not allow it. The message says what it allows.'),
  APPROVAL_OWN: once(403, 'A rollout approved by who made it. Somebody else has to approve it.'),
  ...SYSTEM_UPDATE_ERRORS,
  ALERT_NOT_FOUND: once(404, 'No such alert. List them with GET /api/alerts.'),
  ALERT_RESOLVED: once(409, 'The alert is resolved already. A note can still be written.'),
  ALERT_RULE_NOT_FOUND: once(404, 'No such rule. List them with GET /api/alert-rules.'),
  ALERT_RULE_EXISTS: once(409, 'A rule of this name is defined already. Replace it with PUT.'),
  ALERT_RULE_INVALID: once(400, 'A rule whose name is not the one in the path. Send the rule under its own name.'),
  ALERT_RULES_TOO_MANY: once(409, 'As many rules as there may be. Remove one, or let one rule watch more.'),
  SILENCE_NOT_FOUND: once(404, 'No such silence. List them with GET /api/silences.'),
  ALERT_STORE_UNAVAILABLE: again(
    503,
    'The file of alerts cannot be used (disk full, I/O error, thread ended). Records are stored all the same, and rules look at them when it can.',
  ),
  ALERT_STORE_CORRUPT: once(
    500,
    'The file of alerts was damaged. It was set aside and a fresh one was begun: rules look on from now, and what still is wrong fires again.',
  ),
  ALERT_STORE_VERSION_UNKNOWN: once(
    500,
    'The file of alerts was written by a newer version. Start that version, or move the file away.',
  ),
  DELIVERY_NOT_FOUND: once(404, 'No such delivery. List them with GET /api/deliveries.'),
  DELIVERY_QUEUE_FULL: again(
    503,
    'More deliveries wait than delivery.maxPending. Whoever has them to hand over keeps them and tries again.',
  ),
  DELIVERY_BODY_TOO_LARGE: once(413, 'A delivery whose body is over delivery.bodyBytes; it was not sent. Send less.'),
  DELIVERY_ADDRESS_REFUSED: once(
    403,
    'A webhook to an address that is not public, or by http. Name its host in delivery.allowedHosts when that is meant.',
  ),
  DELIVERY_REJECTED: again(502, 'The receiver answered with an error. Its answer is in the attempts of the delivery.'),
  DELIVERY_TIMED_OUT: again(504, 'The receiver did not answer within delivery.attemptTimeoutMs.'),
  DELIVERY_UNREACHABLE: again(502, 'No connection to the receiver. Check its address, and that it is up.'),
  DELIVERY_GONE: once(410, 'The receiver answered 410 Gone: it wants no more. Remove it from where it is configured.'),
  WEBHOOK_SECRET_NOT_FOUND: once(404, 'No such webhook secret. Make it with POST /api/webhook-secrets.'),
  WEBHOOK_SECRET_EXISTS: once(409, 'A webhook secret of this name is there already. Replace it with PUT.'),
  WEBHOOK_SECRET_UNREADABLE: again(
    503,
    'A file of webhook secrets cannot be read or written, or holds no whsec_ line. Correct the file or its rights.',
  ),
  MAIL_NOT_CONFIGURED: once(409, 'A delivery by e-mail on a server without smtp.host. Configure it, then send again.'),
  INTERNAL: again(500, 'A fault of the server. The log has the details under the same request id.'),
} as const satisfies Record<string, ErrorEntry>;

export type FleetErrorCode = keyof typeof FLEET_ERRORS;

export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** `message` names the thing and the remedy; match on `code`, never on text. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  readonly code: FleetErrorCode;
  readonly retryable: boolean;
  readonly status: number;
  readonly faults: readonly FieldFault[];
  constructor(code: FleetErrorCode, message: string, options?: ErrorOptions & { faults?: readonly FieldFault[] }) {
    super(message, options);
    this.code = code;
    this.retryable = FLEET_ERRORS[code].retryable;
    this.status = FLEET_ERRORS[code].status;
    this.faults = options?.faults ?? [];
  }
}
