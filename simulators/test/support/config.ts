/** What end-to-end tests take from the environment. */

/** Handed on to the processes under test. Beside other suites a run of scoring that steps back would hardly come to its end. */
export const environment: NodeJS.ProcessEnv = { SHOAL_SCORING_NICENESS: '0', ...process.env };

/** A missing system program is a failure here and a skipped test elsewhere. */
export const isCi = process.env['CI'] === 'true';
