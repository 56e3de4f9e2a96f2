#!/bin/sh
# Starts the agent with the Node it came with and the memory of a small machine. Needs nothing but /bin/sh and readlink.
self=$(readlink -f -- "$0") || exit 1
root=${self%/bin/shoal-agent}
# malloc keeps every arena it ever grew unless told otherwise.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"
# A small young generation is the larger part of what is saved, two of four compilers the rest; inference has processes and flags of its own.
# What was compiled stays: thrown away and made again it costs a third of the time of a prediction, and saves nothing that can be measured.
exec "$root/lib/node" --max-old-space-size=96 --max-semi-space-size=2 --single-threaded-gc --optimize-for-size --no-flush-bytecode --no-sparkplug --no-maglev --disable-warning=ExperimentalWarning \
  "$root/lib/app/node_modules/@shoal/device-agent/dist/main.js" "$@"
