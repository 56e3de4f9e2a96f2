/** What nightly scoring can answer with. */
import { again, once } from './error-entry.ts';

export const SCORING_ERRORS = {
  SCORING_JOB_NOT_FOUND: once(404, 'No such scoring job. List them with GET /api/scoring/jobs.'),
  SCORING_JOB_EXISTS: once(409, 'A scoring job of this name is defined already. Replace it with PUT.'),
  SCORING_JOB_INVALID: once(400, 'A job whose name is not the one in the path. Send it under its own name.'),
  SCORING_MODEL_UNFIT: once(409, 'The model cannot score these entities. Choose another model, or score a file.'),
  SCORING_FILE_NOT_FOUND: once(404, 'The file is not in scoring.importFolder. Put it there, or correct its path.'),
  SCORING_AS_OF_AHEAD: once(400, 'A run for an instant that has not come. Leave asOf out, or name one that has.'),
  SCORING_RUN_NOT_FOUND: once(404, 'No such run, or it is past its retention. List them with GET /api/scoring/runs.'),
  SCORING_BACKFILL_INVALID: once(
    400,
    'A backfill over more days than keepBackfilledRuns of the job keeps, or over days on which its schedule is never due.',
  ),
  SCORING_BACKFILL_NOT_FOUND: once(404, 'No such backfill. List them with GET /api/scoring/backfills.'),
  SCORING_STATE: once(409, 'The state of the run or the backfill does not allow it. Look at it.'),
  SCORING_INPUT_CHANGED: once(409, 'The file is another one than when the run was submitted. Submit the job again.'),
  SCORING_FILE_UNREADABLE: once(
    409,
    'The Parquet file is damaged, or is one that cannot be read here. Write it anew: one value a row and column, row groups of at most 1,048,576 rows and 256 MiB, packed with snappy, gzip, brotli, zstd or not at all.',
  ),
  SCORING_ENTITY_TWICE: once(409, 'An entity stands in the file more than once; its first row is scored.'),
  SCORING_TOO_MANY_QUARANTINED: once(
    409,
    'More rows could not be scored than maxQuarantinedPct allows. See the quarantine of the run; what was published stays.',
  ),
  SCORING_VALIDATION_FAILED: once(
    409,
    'A finished run did not pass the validation of its job and was not published. Publish it with force if it is right.',
  ),
  SCORING_RUNNER_LOST: again(503, 'The process that scores ended. The run goes on where it stopped.'),
  SCORE_NOT_FOUND: once(404, 'No run of the job is published, or the published one has no score of the entity.'),
  SCORE_STORE_UNAVAILABLE: again(503, 'The file of scores cannot be used (disk full, I/O error, thread ended).'),
  SCORE_STORE_CORRUPT: once(500, 'The file of scores was damaged, and set aside for a fresh one. Run the jobs again.'),
  SCORE_STORE_VERSION_UNKNOWN: once(
    500,
    'The file of scores was written by a newer version. Start that version, or move the file away.',
  ),
} as const;
