#!/bin/sh
# The checks of `make test`: all of them run, whatever fails; pytest's closing line comes last.
set -u
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
CHROMIUM=$(sh scripts/setup.sh browser)
GRADIO_ANALYTICS_ENABLED=False
PYTHONUNBUFFERED=1
export PATH CHROMIUM GRADIO_ANALYTICS_ENABLED PYTHONUNBUFFERED
failed=""

echo "ruff"
python -m ruff check . || failed="$failed ruff"
echo "mypy core"
python -m mypy || failed="$failed mypy"

suites=""
for folder in tests/unit tests/golden tests/e2e; do
    [ -d "$folder" ] && suites="$suites $folder"
done
[ -z "$failed" ] || echo "Failed before pytest:$failed (see above)"
# Two lines of tests (tests/conftest.py), each with one thread: the threads of both would wait for each other.
# shellcheck disable=SC2086
OMP_NUM_THREADS=1 python -m pytest $suites -n 2 --no-loadscope-reorder ${PYTEST_ARGS:-} </dev/null || failed="$failed pytest"
[ -z "$failed" ]
