#!/usr/bin/env node
/** The `shoal-agent` command as npm links it before the first build. */
await import('../dist/main.js');
