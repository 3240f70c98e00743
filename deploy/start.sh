#!/bin/sh
# Start the site in its container. TMPDIR is a folder of the site alone: what visitors of an earlier run left in it,
# because that run was killed, goes first.
set -eu
cd "$(dirname "$0")/.."
find "${TMPDIR:?}" -mindepth 1 -delete
exec python app.py
