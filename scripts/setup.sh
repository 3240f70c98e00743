#!/bin/sh
# Set up this checkout: a suitable Python, .venv, what it needs, and for the tests the programs they call.
#   sh scripts/setup.sh run | test | bench     install for the site, the tests or the benchmarks
#   sh scripts/setup.sh python                 print the Python that would be used
# A second call installs nothing: .venv keeps a stamp with the hash of the requirement files.
set -eu
cd "$(dirname "$0")/.."
VENV_PYTHON=.venv/bin/python

say() { printf '%s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

# Does this interpreter run, and is it one that every pinned package has wheels for?
suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3.12 python3.11 python3.10 python3 python; do
        path=$(command -v "$candidate" 2>/dev/null) || continue
        if suitable "$path"; then say "$path"; return; fi
    done
    found=$(python3 --version 2>&1 || true)
    fail "No Python 3.10, 3.11 or 3.12 was found (python3 is: ${found:-missing}).
Install one and run this again:
  Debian, Ubuntu   apt install python3 python3-venv   (where that is newer than 3.12: https://docs.astral.sh/uv/, 'uv python install 3.12')
  macOS            brew install python@3.12
or name it:        make run PYTHON=/path/to/python3.12"
}

# --- programs outside Python ------------------------------------------------------------------------------------

# How may we install packages of the system? Prints a command, or nothing.
installer() {
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" = 0 ]; then say "apt-get"
        elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then say "sudo env DEBIAN_FRONTEND=noninteractive apt-get"
        fi
    elif command -v brew >/dev/null 2>&1; then say "brew"
    fi
}

# install_system REASON PACKAGE...: install, or return 1 with the command that a person can run.
install_system() {
    reason=$1; shift
    how=$(installer)
    case "$how" in
        *apt-get)
            say "Installing $* ($reason)"
            DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND
            # Try with the package lists that are here; a bare machine has none yet.
            $how install -y -q --no-install-recommends "$@" </dev/null >/dev/null 2>&1 && return 0
            $how update -q </dev/null >/dev/null || true
            $how install -y -q --no-install-recommends "$@" </dev/null && return 0
            say "apt could not install $* ($reason)." >&2 ;;
        brew)
            say "Installing $* ($reason)"
            brew install "$@" </dev/null && return 0 ;;
        *)
            if [ "$(uname)" = Darwin ]; then say "Missing: $* ($reason). Install Homebrew, then: brew install $*" >&2
            else say "Missing: $* ($reason). Not allowed to install it here; run: sudo apt-get install $*" >&2; fi ;;
    esac
    return 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# FluidSynth, by which MIDI is played; plain oscillators stand in for it.
plays_midi() { "$VENV_PYTHON" -c 'import fluidsynth' >/dev/null 2>&1; }

# The browser of the end-to-end tests: its path on standard output, or nothing.
find_browser() {
    if [ -n "${CHROMIUM:-}" ] && [ -x "${CHROMIUM}" ]; then say "$CHROMIUM"; return; fi
    for candidate in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        # Ubuntu's chromium-browser may be a stub that only tells one to install a snap: it must answer.
        if path=$(command -v "$candidate" 2>/dev/null) && "$path" --version >/dev/null 2>&1; then
            say "$path"; return
        fi
    done
    # One that Playwright has downloaded.
    "$VENV_PYTHON" - 2>/dev/null <<'PYTHON' || true
import os
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    if os.path.exists(p.chromium.executable_path):
        print(p.chromium.executable_path)
PYTHON
}

test_programs() {
    missing=""
    has ffmpeg || install_system "decodes M4A, streams sound" ffmpeg || missing="$missing ffmpeg"
    plays_midi || {
        if [ "$(uname)" = Darwin ]; then install_system "plays MIDI" fluid-synth || true
        else install_system "plays MIDI; oscillators do without" libfluidsynth3 fluid-soundfont-gm || true; fi
    }
    if [ -z "$(find_browser)" ]; then
        if [ "$(uname)" != Darwin ] && ! grep -qi '^ID=ubuntu' /etc/os-release 2>/dev/null; then
            install_system "the browser of the end-to-end tests" chromium || true
        fi
        if [ -z "$(find_browser)" ]; then
            say "Installing Chromium with Playwright"
            "$VENV_PYTHON" -m playwright install chromium </dev/null || true
            how=$(installer)
            case "$how" in *apt-get) "$VENV_PYTHON" -m playwright install-deps chromium </dev/null || true ;; esac
        fi
        [ -n "$(find_browser)" ] || missing="$missing chromium"
    fi
    [ -z "$missing" ] || fail "The tests need:$missing. Install them and run this again."
}

# A C++ compiler that the native engine would find? On macOS the names exist before the tools do, and ask in a window.
has_compiler() {
    if [ "$(uname)" = Darwin ] && ! xcode-select -p >/dev/null 2>&1; then return 1; fi
    has g++ || has clang++ || has c++ || { [ -n "${CXX:-}" ] && has "$CXX"; }
}

# Packages from source (pesq) and the native engine are compiled.
compiler() {
    has g++ || has clang++ || {
        if [ "$(uname)" = Darwin ]; then fail "No C++ compiler: run xcode-select --install, then this again."; fi
        install_system "compiles the native engine" g++ libc6-dev || fail "The tests need a C++ compiler: install g++."
    }
    if ! "$VENV_PYTHON" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'; then
        version=$("$VENV_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_system "builds pesq" "python$version-dev" || fail "The tests need Python.h: install python$version-dev."
    fi
}

# --- .venv ------------------------------------------------------------------------------------------------------

make_venv() {
    if suitable "$VENV_PYTHON" && "$VENV_PYTHON" -m pip --version >/dev/null 2>&1; then return; fi
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then # Debian splits these off
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_system "makes virtual environments" "python$version-venv" ||
            fail "This Python cannot make virtual environments: install python$version-venv."
    fi
    say "Making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
}

# The hash of the requirement files given, of the Python version and of the place: .venv cannot be moved.
stamp_of() {
    "$VENV_PYTHON" - "$@" <<'PYTHON'
import hashlib, os, sys
digest = hashlib.sha256((sys.version + os.getcwd()).encode())
for name in sys.argv[1:]:
    digest.update(open(name, "rb").read())
print(digest.hexdigest())
PYTHON
}

# install KIND FILE...: pip install the last file, unless the stamp says that it is done; the files before it are
# those it refers to.
install() {
    kind=$1; shift
    for last in "$@"; do :; done
    stamp=".venv/.installed-$kind"
    wanted=$(stamp_of "$@")
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
    [ "$kind" != test ] || compiler
    say "Installing $last into .venv (the first time this takes some minutes and about 6 GB on Linux)"
    "$VENV_PYTHON" -m pip install --disable-pip-version-check -q -r "$last" </dev/null ||
        fail "pip could not install $last; its message is above. With a network, run this again: it continues."
    say "$wanted" > "$stamp"
}

# PESQ and STOI of the visitor's own voice: welcome, not needed. Tried once; pesq has to be compiled.
scores() {
    if [ -f .venv/.tried-scores ]; then return; fi
    for package in $(sed -n -e '/^pesq==/p' -e '/^pystoi==/p' tests/requirements.txt); do
        "$VENV_PYTHON" -m pip install --disable-pip-version-check -q "$package" </dev/null >/dev/null 2>&1 ||
            say "Note: $package could not be installed; the page then shows no such score (it needs a C compiler)."
    done
    : > .venv/.tried-scores
}

main() {
    case "${1:-run}" in
        python) find_python ;;
        browser) find_browser ;;
        run)
            make_venv
            install run requirements.txt
            scores
            has_compiler || {
                package="apt install g++"
                if [ "$(uname)" = Darwin ]; then package="xcode-select --install"; fi
                say "Note: no C++ compiler; until there is one ($package), the numba engine draws WaveNet's samples, more slowly."
            }
            plays_midi || {
                package="apt install libfluidsynth3 fluid-soundfont-gm"
                if [ "$(uname)" = Darwin ]; then package="brew install fluid-synth"; fi
                say "Note: no FluidSynth; until there is one ($package), plain oscillators play the music."
            }
            has ffmpeg || say "Note: ffmpeg is missing; M4A files and streaming need it (apt install ffmpeg, brew install ffmpeg)." ;;
        test)
            make_venv
            install test requirements.txt tests/requirements.txt
            stamp_of requirements.txt > .venv/.installed-run
            test_programs ;;
        bench)
            make_venv
            install run requirements.txt
            if [ -f benchmarks/requirements.txt ]; then install bench requirements.txt benchmarks/requirements.txt; fi ;;
        *) fail "usage: sh scripts/setup.sh run | test | bench | python | browser" ;;
    esac
}
main "$@"
