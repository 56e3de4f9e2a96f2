#!/usr/bin/env node
/** The `shoal` command as npm links it before the first build. */
await import('../dist-cli/main.js');
