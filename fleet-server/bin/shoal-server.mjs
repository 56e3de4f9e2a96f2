#!/usr/bin/env node
/** The `shoal-server` command as npm links it before the first build. */
await import('../dist/main.js');
