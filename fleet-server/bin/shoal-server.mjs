#!/usr/bin/env -S node --max-semi-space-size=16 --single-threaded-gc
/**
 * The `shoal-server` command as npm links it before the first build. What node is started with is also in `package.json`, for whoever starts
 * `dist/main.js`: the young generation would double under load, up to 128 MB, and stay so; with 16 MB a half the server is no slower.
 */
await import('../dist/main.js');
