# Everything one does with this repository. Works with GNU make 3.81, so also with the make of macOS.
#   make run [PORT=7860]         install what is missing, start the site, print its address
#   make test                    install what is missing, then ruff, mypy, pytest: unit, golden, e2e
#   make bench                   the benchmarks of WaveNet generation, peers included
#   make bench-separation        taking songs apart: speed and memory, beside open-unmix and Demucs
#   make bench-gpt2              GPT-2 with and without its past, beside transformers
#   make bench-melnet            MelNet's drawing, beside recomputing the network for every bin
#   make bench-site              visitors who walk through all tabs: what they wait, what they cost
#   make cluster [COPIES=2] [HEAVY=1]   several copies of the site behind one address, heavy work apart, on Ray
#   make notebooks               every lesson as a Jupyter notebook, into runs/notebooks (OUT=... elsewhere)
#   make lock                    requirements.lock from requirements.txt, with hashes (ARGS=--upgrade: all that may be newer)
#   make audit                   known weaknesses of what the lock names, by pip-audit
#   make train-<model> DATA=...  train a model of the project: train-wavenet-vocoder, train-wavenet-speech,
#                                train-unit-selection, train-parametric-duration, train-parametric-acoustic,
#                                train-tacotron2-english, train-tacotron2-korean (DATA: KSS, else espeak-ng),
#                                train-separation-vocals (DATA: MIR-1K),
#                                train-separation-4stems (DATA: songs in folders, such as MUSDB18-HQ),
#                                train-enhancement (DATA: folder with speech and noise; PROMPTS: further voices),
#                                train-events (DATA: UrbanSound8K; SPEECH, MUSIC, NOISE: sounds of none of its classes),
#                                train-tags (MUSICNN: the published weights; DATA: music; SPEECH, NOISE, EVENTS: not music),
#                                train-transformer-relative, train-transformer-absolute (DATA: ASAP or MAESTRO),
#                                train-transformer-chorales (DATA: Jsb16thSeparated.json, else music21's scores),
#                                train-musenet-composer (DATA: folder with ASAP, POP909 and others)
#                                train-melnet-speech, train-melnet-one-tier, train-melnet-piano (DATA: performances)
#                                train-vqvae-speech, train-vqvae-argmax, then train-vqvae-decoder (both, end to end),
#                                then train-vqvae-prior, train-vqvae-prior-argmax, train-vqvae-second; train-vqvae-grid
#                                (DATA: Kathleen, VOICES: the other speakers); train-vqvae-piano (DATA: performances)
#                                train-recognition (DATA: folder with kathleen/, tsp_harvard/, fsdd/; PROMPTS and
#                                PROMPT_TEXTS: telephone prompts; BOOKS: plain text; NOISE: sounds without speech)
# PYTHON=/path/to/python3.12 chooses the interpreter for .venv; ARGS="..." is passed on to benchmarks and trainers.
PORT ?= 7860
DATA ?=
ARGS ?=
export PORT PYTHON SITE_HOST
PY = .venv/bin/python

ALIGNMENT = runs/alignment-kathleen.json
NEED_DATA = test -n "$(DATA)" || { echo "Say where the recordings are: make $@ DATA=/path/to/kathleen" >&2; exit 1; }

.PHONY: help setup run test bench train-wavenet-vocoder train-wavenet-speech train-unit-selection \
	train-parametric-duration train-parametric-acoustic train-tacotron2-english train-tacotron2-korean \
	train-separation-vocals train-separation-4stems bench-separation bench-gpt2 train-transformer-chorales \
	train-transformer-relative train-transformer-absolute \
	train-transformer-chorales-relative train-transformer-chorales-absolute train-musenet-composer

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

bench-separation:
	@sh scripts/setup.sh bench
	@$(PY) -m benchmarks.separation $(ARGS)

bench-gpt2:
	@sh scripts/setup.sh bench
	@$(PY) -m benchmarks.gpt2 $(ARGS)

bench-melnet:
	@sh scripts/setup.sh bench
	@$(PY) -m benchmarks.melnet $(ARGS)

.PHONY: bench-site cluster
bench-site:
	@sh scripts/setup.sh test
	@$(PY) -m benchmarks.site $(ARGS)

COPIES ?= 2
HEAVY ?= 1
cluster: setup
	@$(PY) -c "import ray" 2>/dev/null || $(PY) -m pip install --disable-pip-version-check -q -r deploy/requirements.txt
	@exec $(PY) -m deploy.cluster --copies $(COPIES) --heavy $(HEAVY) --port $(PORT) $(ARGS)

# The same versions for every Python and system of requirements.txt; no machine's index stands in the file.
.PHONY: lock audit
lock: setup
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --disable-pip-version-check -q uv==0.13.9
	@$(PY) -m uv pip compile requirements.txt --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file requirements.lock $(ARGS)

audit: setup
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --disable-pip-version-check -q uv==0.13.9
	@$(PY) -m uv tool run pip-audit==2.10.0 --strict --disable-pip --require-hashes -r requirements.lock $(ARGS)

.PHONY: notebooks
OUT ?= runs/notebooks
notebooks: setup
	@$(PY) -m demos._notebooks --out "$(OUT)"

train-wavenet-vocoder train-wavenet-speech: train-wavenet-%: setup
	@$(NEED_DATA)
	@$(PY) -m core.wavenet.train --preset $* --data "$(DATA)" $(ARGS)

# Which phone is where in every recording, found once, by a recogniser that the tests' requirements bring.
$(ALIGNMENT):
	@$(NEED_DATA)
	@sh scripts/setup.sh test
	@$(PY) -m core.text.alignment --data "$(DATA)" --out $@

train-unit-selection: setup $(ALIGNMENT)
	@$(NEED_DATA)
	@$(PY) -m core.unit_selection.train --data "$(DATA)" --alignment $(ALIGNMENT) $(ARGS)

train-parametric-duration train-parametric-acoustic: train-parametric-%: setup $(ALIGNMENT)
	@$(NEED_DATA)
	@$(PY) -m core.parametric.train --model $* --data "$(DATA)" --alignment $(ALIGNMENT) $(ARGS)

train-tacotron2-english: setup $(ALIGNMENT)
	@$(NEED_DATA)
	@$(PY) -m core.tacotron2.train --data "$(DATA)" --alignment $(ALIGNMENT) $(ARGS)

# The teacher is espeak-ng's voice, unless DATA names a corpus of recordings, such as KSS.
train-tacotron2-korean: setup
	@test -n "$(DATA)" || test -d runs/teacher-ko || $(PY) -m core.tacotron2.teacher --out runs/teacher-ko
	@$(PY) -m core.tacotron2.train --language ko --data "$(or $(DATA),runs/teacher-ko)" $(ARGS)

train-separation-vocals: setup
	@test -n "$(DATA)" || { echo "Say where MIR-1K is: make $@ DATA=/path/to/mir1k" >&2; exit 1; }
	@$(PY) -m core.separation.train --preset vocals --data "$(DATA)" $(ARGS)

train-separation-4stems: setup
	@test -n "$(DATA)" || { echo "Say where the songs are: make $@ DATA=/path/to/musdb18hq" >&2; exit 1; }
	@$(PY) -m core.separation.train --preset 4stems --data "$(DATA)" --seconds 3 $(ARGS)

# The scores are music21's, unless DATA names Jsb16thSeparated.json of the public data set.
CHORALES = runs/chorales.json
$(CHORALES):
	@sh scripts/setup.sh run
	@$(PY) -m pip install --quiet music21
	@$(PY) -m core.transformer.chorales_corpus --out $@

train-transformer-chorales: train-transformer-chorales-relative train-transformer-chorales-absolute

train-transformer-chorales-relative train-transformer-chorales-absolute: train-transformer-chorales-%: setup \
		$(if $(DATA),,$(CHORALES))
	@$(PY) -m core.transformer.chorales_train --position $* --data "$(or $(DATA),$(CHORALES))" $(ARGS)

# PROMPTS: further voices, a folder each, such as the sounds of Debian's asterisk-core-sounds-it-g722.
.PHONY: train-enhancement
train-enhancement: setup
	@test -n "$(DATA)" || { echo "Say where speech and noise are: make $@ DATA=/path/to/corpora" >&2; exit 1; }
	@$(PY) -m core.enhancement.train --data "$(DATA)" $(if $(PROMPTS),--prompts $(PROMPTS)) --minutes 60 $(ARGS)

# SPEECH, MUSIC and NOISE, if given, teach the output `none of these`.
.PHONY: train-events train-tags
train-events: setup
	@test -n "$(DATA)" || { echo "Say where UrbanSound8K is: make $@ DATA=/path/to/UrbanSound8K" >&2; exit 1; }
	@$(PY) -m core.events.train --data "$(DATA)" $(if $(SPEECH),--speech "$(SPEECH)") $(if $(MUSIC),--music "$(MUSIC)") \
		$(if $(NOISE),--noise "$(NOISE)") --minutes 45 $(ARGS)

# musicnn's weights are converted; what is music and what is not is learned.
train-tags: setup
	@test -n "$(MUSICNN)" || { echo "Say where MTT_musicnn.npz is: make $@ MUSICNN=/path DATA=/path/to/music" >&2; exit 1; }
	@test -n "$(DATA)" || { echo "Say where music is: make $@ MUSICNN=/path DATA=/path/to/music" >&2; exit 1; }
	@$(PY) -m core.tags.convert --data "$(MUSICNN)"
	@$(PY) -m core.tags.train --data "$(DATA)" $(if $(SPEECH),--speech "$(SPEECH)") $(if $(NOISE),--noise "$(NOISE)") \
		$(if $(EVENTS),--events "$(EVENTS)") $(ARGS)

# Piano performances; both kinds of position learn the same way.
train-transformer-relative train-transformer-absolute: train-transformer-%: setup
	@test -n "$(DATA)" || { echo "Say where the performances are: make $@ DATA=/path/to/asap-dataset" >&2; exit 1; }
	@$(PY) -m core.transformer.train --position $* --data "$(DATA)" $(ARGS)

train-musenet-composer: setup
	@test -n "$(DATA)" || { echo "Say where the MIDI files are: make $@ DATA=/path/to/music" >&2; exit 1; }
	@$(PY) -m core.musenet.train --data "$(DATA)" $(ARGS)

# Speech in codes. VOICES: further speakers, a folder each or TSP's names. First each front by itself, then both with
# the WaveNet they share.
VQVAE_DATA = --data "$(DATA)" $(if $(VOICES),--voices "$(VOICES)")
.PHONY: bench-melnet train-melnet-speech train-melnet-one-tier train-melnet-piano

train-melnet-speech train-melnet-one-tier: train-melnet-%: setup
	@$(NEED_DATA)
	@$(PY) -m core.melnet.train --preset $* --data "$(DATA)" $(ARGS)

# DATA: ASAP's or MAESTRO's folder, or an archive; it is played by FluidSynth first.
train-melnet-piano: setup
	@$(NEED_DATA)
	@test -d runs/piano/train || $(PY) -m core.melnet.piano --data "$(DATA)" --out runs/piano
	@$(PY) -m core.melnet.train --preset piano --data runs/piano $(ARGS)

# Piano in codes: DATA as of train-melnet-piano.
.PHONY: train-vqvae-piano
train-vqvae-piano: setup
	@$(NEED_DATA)
	@test -d runs/piano/train || $(PY) -m core.melnet.piano --data "$(DATA)" --out runs/piano
	@$(PY) -m core.vqvae.train --preset piano --data runs/piano --run runs/vqvae-piano-spectral --minutes 8 $(ARGS)
	@$(PY) -m core.vqvae.train --preset piano --phase wave --data runs/piano --run runs/vqvae-piano-wave --minutes 42 \
		--fronts runs/vqvae-piano-spectral $(ARGS)

VQVAE_GRID = $(foreach k,32 128 512,$(foreach r,80 40 20,train-vqvae-$(k)-$(r)))
.PHONY: train-vqvae-speech train-vqvae-argmax train-vqvae-decoder train-vqvae-prior train-vqvae-prior-argmax \
	train-vqvae-second train-vqvae-grid $(VQVAE_GRID)

train-vqvae-speech train-vqvae-argmax: train-vqvae-%: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.train --preset $* $(VQVAE_DATA) --run runs/vqvae-$*-spectral --minutes 8 $(ARGS)

train-vqvae-decoder: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.train --phase wave $(VQVAE_DATA) --run runs/vqvae-wave --minutes 42 \
		--fronts runs/vqvae-speech-spectral runs/vqvae-argmax-spectral $(ARGS)

train-vqvae-prior: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.prior $(VQVAE_DATA) --minutes 4 $(ARGS)

train-vqvae-prior-argmax: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.prior --front vqvae-argmax $(VQVAE_DATA) --run runs/vqvae-prior-argmax --minutes 4 $(ARGS)

train-vqvae-second: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.hierarchy $(VQVAE_DATA) --minutes 6 $(ARGS)

train-vqvae-grid: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.grid $(VQVAE_DATA) $(ARGS)

$(VQVAE_GRID): train-vqvae-%: setup
	@$(NEED_DATA)
	@$(PY) -m core.vqvae.grid --only vqvae-$* $(VQVAE_DATA) $(ARGS)

# A synthesiser reads BOOKS first. DATA has kathleen/ and, where they are there, tsp_harvard/ and fsdd/.
RECOGNITION_DATA = --data "$(DATA)/kathleen" $(if $(wildcard $(DATA)/tsp_harvard),--voices "$(DATA)/tsp_harvard") \
	$(if $(wildcard $(DATA)/fsdd),--digits "$(DATA)/fsdd") \
	$(if $(PROMPTS),--prompts "$(PROMPTS)" --prompt-texts "$(PROMPT_TEXTS)") $(if $(NOISE),--noise $(NOISE))
.PHONY: train-recognition train-recognition-english
train-recognition train-recognition-english: setup
	@$(NEED_DATA)
	@test -f runs/recognition-synthetic.json || $(PY) -m core.recognition.synthetic --out runs/recognition-synthetic \
		$(if $(BOOKS),--texts "$(BOOKS)") --avoid "$(DATA)/kathleen/metadata.csv" --hours 2 --seed 1
	@$(PY) -m core.recognition.train $(RECOGNITION_DATA) --synthetic runs/recognition-synthetic \
		--strength 0.5 --dropout 0.05 --minutes 70 $(ARGS)
