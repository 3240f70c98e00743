# Everything one does with this repository. Works with GNU make 3.81, so also with the make of macOS.
#   make run [PORT=7860]         install what is missing, start the site, print its address
#   make test                    install what is missing, then ruff, mypy, pytest: unit, golden, e2e
#   make bench                   the benchmarks of WaveNet generation, peers included
#   make train-<model> DATA=...  train a model of the project: train-wavenet-vocoder, train-wavenet-speech
# PYTHON=/path/to/python3.12 chooses the interpreter for .venv; ARGS="..." is passed on to benchmarks and trainers.
PORT ?= 7860
DATA ?=
ARGS ?=
export PORT PYTHON SITE_HOST
PY = .venv/bin/python

.PHONY: help setup run test bench train-wavenet-vocoder train-wavenet-speech

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@sh scripts/setup.sh run

run: setup
	@exec sh scripts/serve.sh

test:
	@sh scripts/setup.sh test
	@sh scripts/test.sh

bench:
	@sh scripts/setup.sh bench
	@$(PY) -m benchmarks.wavenet $(ARGS)

train-wavenet-vocoder train-wavenet-speech: train-wavenet-%: setup
	@test -n "$(DATA)" || { echo "Say where the recordings are: make $@ DATA=/path/to/kathleen" >&2; exit 1; }
	@$(PY) -m core.wavenet.train --preset $* --data "$(DATA)" $(ARGS)
