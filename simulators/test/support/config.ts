/** What end-to-end tests take from the environment. */

/** Handed on to the processes under test. */
export const environment: NodeJS.ProcessEnv = process.env;

/** A missing system program is a failure here and a skipped test elsewhere. */
export const isCi = process.env['CI'] === 'true';
