/** What every metric means, and the bounds of its histogram; the exposed name carries the prefix `shoal_`. */

const SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

export const METRIC_HELP: Readonly<Record<string, string>> = {
  connections: 'MQTT connections with an accepted CONNECT',
  connections_total: 'MQTT connections accepted, by kind of principal',
  connections_closed_total: 'MQTT connections ended, by reason',
  connection_takeovers_total: 'connections closed because the same client id connected again',
  refusals_total: 'packets, publishes, subscriptions and connects refused, by code',
  messages_received_total: 'publishes of devices, by what they carry',
  messages_throttled_total: 'publishes delayed by a rate limit, by unit',
  messages_unhandled_total: 'publishes no capability of this version handles, by pattern',
  inbound_bytes: 'bytes of publishes that await their commit',
  inbound_paused_total: 'times a socket was not read because the inbound budget was spent',
  live_dropped_total: 'live messages not sent to a slow subscriber',
  live_clients: 'clients of the live feed over HTTP',
  live_clients_dropped_total: 'clients of the live feed closed because they did not read',
  live_gaps_total: 'clients of the live feed that could not resume without a gap',
  records_received_total: 'records in valid batches, by kind',
  records_stored_total: 'records stored for the first time, by kind',
  records_duplicate_total: 'records that were stored before',
  records_conflict_total: 'records whose key is taken by other content',
  records_clock_total: 'records whose clock is not good, by verdict',
  unknown_fields_total: 'members of batches and records of newer agents that this version has left out',
  dead_letters_total: 'payloads set aside, by reason',
  ingest_batch_messages: 'messages handed to ingest at once',
  commit_rows: 'rows of one commit',
  commit_seconds: 'time of one commit in the writer thread',
  ack_seconds: 'time from a publish read to its acknowledgement',
  storage_refusing: '1 while the telemetry file cannot be written',
  storage_bytes: 'size of the telemetry file with its log',
  storage_check_running: '1 while a large telemetry file is checked beside the running server',
  storage_quarantined_total: 'telemetry files set aside because they were corrupt',
  database_thread_deaths_total: 'threads of the control database that ended unasked; the next statement starts another',
  feature_reads_total: 'vectors read from the online store',
  feature_read_seconds: 'time of one read of a vector in process',
  feature_values_stored_total: 'values from outside that said something new',
  feature_records_applied_total: 'records that entered a window',
  feature_records_too_late_total: 'records older than features.historyDays, which entered no window',
  feature_log_position: 'last commit of the telemetry log whose effects on windows are stored',
  feature_consumer_errors_total: 'commits of the log that could not be applied to windows; they are tried again',
  feature_rows_rejected_total: 'rows of imports refused, by code',
  feature_skew_audits_total: 'served vectors derived again from the history, by result',
  feature_skew_ratio: 'share of audited vectors since the start that the history does not give',
  event_loop_delay_p99_seconds: 'p99 of the event-loop delay since the last look',
  event_loop_delay_max_seconds: 'maximum of the event-loop delay since the last look',
  bus_listener_errors_total: 'bus listeners that threw, by event',
  http_errors_total: 'HTTP requests answered with a problem, by code',
};

export const HISTOGRAM_BUCKETS: Readonly<Record<string, readonly number[]>> = {
  feature_read_seconds: [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.025],
  ingest_batch_messages: COUNTS,
  commit_rows: COUNTS,
};

export const DEFAULT_BUCKETS: readonly number[] = SECONDS;
