"""The mixer, heard: its stems are sines (`mixer_lab.py`), and what it plays is compared sample by sample."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import mixer_lab
import numpy as np
import pytest
from browsing import PATHS, bring
from conftest import opening, serve
from mixer_lab import AMPLITUDE, RATE_HZ, SEGMENTS, SINES_HZ
from playwright.sync_api import expect

from demos._tab import strings

MIXER = "#mix-player .mixer"
LENGTH = sum(SEGMENTS)
SECONDS = LENGTH / RATE_HZ
EDGE = 256  # samples in which a sound fades in
# Beside the speakers, an audio worklet hears what an AudioContext plays: window.tape is [Float32Array [128], …].
# A worklet may miss a block while it starts: no sound file is given to the page before it runs.
TAP = """
window.tape = [];
const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
  constructor() { super(); this.parts = []; }
  process([input]) {
    this.parts.push(input[0] ? input[0].slice() : new Float32Array(128));
    if (this.parts.length === 16) { this.port.postMessage(this.parts); this.parts = []; }
    return true;
  }
})`;
const address = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
const {connect} = AudioNode.prototype;
let runs;
const running = new Promise(resolve => { runs = resolve; });
window.AudioContext = class extends AudioContext {
  constructor(options) {
    super(options);
    this.beside = new GainNode(this);
    this.audioWorklet.addModule(address).then(() => {
      const tap = new AudioWorkletNode(this, 'tap', {channelCount: 1, channelCountMode: 'explicit'});
      let warm = 0;
      tap.port.onmessage = e => {
        warm += 1;
        if (warm > 8) { window.tape.push(...e.data); runs(); }
      };
      connect.call(this.beside, tap);
      connect.call(tap, this.destination);  // silence, so that it is asked for every block
    });
  }
};
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    connect.call(this, this.context.beside);
    window.heardRate = this.context.sampleRate;
  }
  return connect.call(this, to, ...rest);
};
const {fetch} = window;
window.fetch = async (url, ...rest) => {
  if (String(url).endsWith('.flac')) await running;
  return fetch(url, ...rest);
};
"""


@pytest.fixture(scope="module")
def mixer_site(tmp_path_factory):
    """`tests/e2e/mixer_lab.py`, a site with a mixer whose stems are sines."""
    folder = tmp_path_factory.mktemp("mixer")
    yield from serve(["tests/e2e/mixer_lab.py", str(folder)], folder / "log.txt")


@dataclass
class Listening:
    """A browser whose pages record what they play."""

    browser: object

    def new_context(self, **options):
        context = self.browser.new_context(**options)
        context.add_init_script(TAP)
        return context


@pytest.fixture
def lab(mixer_site, browser):
    """Opens the empty mixer: `lab("ko")`; in the end its pages may have had no error."""
    for opener in opening(Listening(browser), mixer_site):

        def visit(language: str = "en", opener=opener, **options):
            page = opener(f"{PATHS[language]}?tab=lab", **options)
            bring(page, MIXER)
            expect(page.locator(f"{MIXER} .mix-empty")).to_have_text(strings("separation", language)("mixer.idle"))
            expect(page.locator("#asked textarea, #asked input")).to_have_value("appeared")
            return page

        yield visit


def shows(page, **states: str) -> None:
    """Wait until the mixer is in these states."""
    said = "".join(f"[data-{name}='{value}']" for name, value in states.items())
    page.wait_for_selector(MIXER + said)


def make(page, *buttons: str) -> None:
    for button in buttons:
        before = page.locator(MIXER).get_attribute("data-made")
        page.locator(f"#{button}").click()
        page.wait_for_function(
            "([at, before]) => document.querySelector(at).dataset.made !== before || "
            "['waiting', 'done'].includes(document.querySelector(at).dataset.state)",
            arg=[MIXER, before],
        )


def reaches(page, seconds: float) -> None:
    """Wait until the playhead has passed a place."""
    page.wait_for_function(
        "([at, seconds]) => Number(document.querySelector(at).dataset.position) >= seconds", arg=[MIXER, seconds]
    )


def tape(page) -> np.ndarray:
    """All that has been heard so far, from the first sound on: float32 [T]."""
    text = page.evaluate("""() => {
        const whole = new Float32Array(128 * window.tape.length);
        window.tape.forEach((x, i) => whole.set(x, 128 * i));
        const bytes = new Uint8Array(whole.buffer);
        let text = '';
        for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return btoa(text);
    }""")
    heard = np.frombuffer(base64.b64decode(text), dtype="<f4")
    sounding = np.flatnonzero(np.abs(heard) > 1e-6)
    assert sounding.size, "nothing was heard"
    return heard[sounding[0] :]


def song(first: int = 0, count: int = LENGTH) -> np.ndarray:
    """What the mixer should play: all stems together."""
    return sum(mixer_lab.stem(key, first, count) for key in SINES_HZ)


def place(heard: np.ndarray, first: int = 0) -> int:
    """How many samples before `heard` the song's sample `first` would be: the fade begins in silence."""
    window = heard[EDGE : EDGE + 4000]
    errors = [np.abs(window - song(first + EDGE + shift, 4000)).max() for shift in range(4)]
    assert min(errors) < 1e-3, errors
    return int(np.argmin(errors))


def is_song(heard: np.ndarray, first: int) -> bool:
    """Whether a recording is the song from a sample on."""
    return bool(np.abs(heard - song(first, len(heard))).max() < 1e-4)


def listen(page, seconds: float) -> None:
    """Record for some time."""
    count = page.evaluate("window.tape.length") + int(seconds * RATE_HZ) // 128
    page.wait_for_function("count => window.tape.length > count", arg=count)


def levels_db(heard: np.ndarray) -> dict[str, float]:
    """Level of each stem's sine against that of its file; −120 dB for none. The window holds whole periods."""
    heard = heard[-2 * RATE_HZ // 5 :]
    window = np.hanning(len(heard))
    n = np.arange(len(heard))
    found = {}
    for key, hz in SINES_HZ.items():
        amplitude = 2 * np.abs((window * heard * np.exp(-2j * np.pi * hz * n / RATE_HZ)).sum()) / window.sum()
        found[key] = 20 * np.log10(max(amplitude / AMPLITUDE, 1e-6))
    return found


def assert_levels(page, **wanted: float | None) -> None:
    """Listen for 0.4 s after a change has settled; None for silence."""
    listen(page, 0.6)
    found = levels_db(tape(page))
    for key, level in wanted.items():
        if level is None:
            assert found[key] < -60, found
        else:
            assert found[key] == pytest.approx(level, abs=0.1), found


def row(page, stem: str):
    return page.locator(f"{MIXER} .mix-row[data-stem={stem}]")


def test_a_song_that_grows_is_waited_for_and_goes_on_by_itself(lab) -> None:
    page = lab()
    make(page, "waiting")
    page.locator(f"{MIXER} .mix-play").click()
    expect(page.locator(f"{MIXER} .mix-status")).to_have_text(strings("separation", "en")("mixer.waiting"))
    make(page, "more")
    shows(page, waiting="1", position=f"{SEGMENTS[0] / RATE_HZ:.3f}")
    expect(page.locator(f"{MIXER} .mix-status")).to_have_text(strings("separation", "en")("mixer.starved"))
    page.locator(f"{MIXER} .mix-row").first.locator(".mix-mute").click()
    make(page, "more")
    shows(page, waiting="1", position=f"{sum(SEGMENTS[:2]) / RATE_HZ:.3f}", gains="0.000,1.000,1.000")  # as it was set
    assert page.locator(MIXER).get_attribute("data-playing") == "1"
    heard = tape(page)
    first = heard[EDGE : SEGMENTS[0] - 300]
    assert np.abs(first - song(EDGE + place(heard), len(first))).max() < 1e-4
    make(page, "more", "end")
    shows(page, state="done", playing="0", position="0.000")
    expect(page.locator(f"{MIXER} .mix-title")).to_have_text(mixer_lab.TITLE)
    links = page.locator(f"{MIXER} .mix-downloads a")
    expect(links).to_have_count(1)
    assert links.first.get_attribute("download") == "vocals.flac"


def test_a_song_plays_through_its_joins_while_it_is_made(lab) -> None:
    page = lab()
    page.locator("#live").click()
    shows(page, state="waiting")
    page.locator(f"{MIXER} .mix-play").click()
    shows(page, state="done")
    shows(page, playing="0", position="0.000")
    assert page.evaluate("window.heardRate") == RATE_HZ
    heard = tape(page)
    shift = place(heard)
    assert np.abs(heard[EDGE : LENGTH - shift] - song(EDGE + shift, LENGTH - shift - EDGE)).max() < 1e-4
    assert np.abs(heard[LENGTH - shift :]).max() < 1e-6


def test_mute_solo_presets_and_volume_change_exactly_their_stem(lab) -> None:
    page = lab("ko")
    make(page, "long")
    page.locator(f"{MIXER} .mix-play").click()
    shows(page, playing="1", waiting="0")
    assert_levels(page, vocals=0, drums=0, bass=0)
    words = strings("separation", "ko")
    page.get_by_role("button", name=words("mixer.karaoke")).click()
    shows(page, gains="0.000,1.000,1.000")
    assert_levels(page, vocals=None, drums=0, bass=0)
    page.get_by_role("button", name=words("mixer.a_cappella")).click()
    shows(page, gains="1.000,0.000,0.000")
    assert_levels(page, vocals=0, drums=None, bass=None)
    page.get_by_role("button", name=words("mixer.everything")).click()
    page.keyboard.press("2")
    expect(row(page, "drums").locator(".mix-mute")).to_have_attribute("aria-pressed", "true")
    row(page, "bass").locator("input").fill("-12")
    shows(page, gains="1.000,0.000,0.251")
    assert_levels(page, vocals=0, drums=None, bass=-12)
    page.keyboard.press("Shift+Digit2")  # a solo is heard, also of a stem that was muted
    shows(page, gains="0.000,1.000,0.000")
    assert_levels(page, vocals=None, drums=0, bass=None)
    page.keyboard.press("Shift+Digit2")
    row(page, "bass").locator("input").dblclick()
    row(page, "vocals").locator("input").fill("6")
    shows(page, gains="1.995,1.000,1.000")
    assert_levels(page, vocals=6, drums=0, bass=0)
    assert np.abs(tape(page)).max() < 1


def test_a_loop_repeats_to_the_sample_and_ends_without_a_jump(lab) -> None:
    page = lab()
    make(page, "whole")
    box = bring(page, f"{MIXER} .mix-overview").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 30, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    a, b = (float(x) for x in page.locator(MIXER).get_attribute("data-loop").split(","))
    assert (a, b) == (pytest.approx(0.3 * SECONDS, abs=0.05), pytest.approx(0.45 * SECONDS, abs=0.05))
    assert a < SEGMENTS[0] / RATE_HZ < b  # the loop goes over a join
    page.locator(MIXER).focus()
    page.keyboard.press("Space")
    page.wait_for_function("window.tape.some(x => x.some(v => v !== 0))")
    listen(page, 2.5)
    page.keyboard.press("KeyL")  # off: the song goes on after the loop
    shows(page, loop="", playing="0", position="0.000")
    heard = tape(page)
    first, period = round(a * RATE_HZ), round(b * RATE_HZ) - round(a * RATE_HZ)
    heard = np.concatenate([np.zeros(place(heard, first), np.float32), heard])
    turns = 0
    while is_song(heard[turns * period + EDGE : (turns + 1) * period - EDGE], first + EDGE):
        turns += 1
    assert turns >= int(2.4 * RATE_HZ) // period
    rest = heard[(turns - 1) * period + EDGE :]  # the last turn, and the song from there to its end
    length = LENGTH - first - EDGE
    assert is_song(rest[:length], first + EDGE)
    assert np.abs(rest[length:]).max() < 1e-6


def test_seeking_over_missing_segments_and_the_keyboard(lab) -> None:
    page = lab(width=390, height=800, has_touch=True)
    make(page, "waiting", "more")
    overview = page.locator(f"{MIXER} .mix-overview")
    box = bring(page, f"{MIXER} .mix-overview").bounding_box()
    overview.tap(position={"x": 0.9 * box["width"], "y": 20})
    page.wait_for_function(f"Math.abs(document.querySelector('{MIXER}').dataset.position - {0.9 * SECONDS}) < 0.05")
    page.locator(f"{MIXER} .mix-play").tap()
    shows(page, playing="1", waiting="1")
    make(page, "more")
    shows(page, waiting="1", made=f"{sum(SEGMENTS[:2]) / RATE_HZ:.3f}")
    make(page, "more")
    shows(page, waiting="0")
    reaches(page, 0.93 * SECONDS)
    page.locator(MIXER).focus()
    page.keyboard.press("Space")
    shows(page, playing="0")
    page.keyboard.press("ArrowLeft")  # 5 s: to the beginning
    shows(page, position="0.000")
    page.locator(f"{MIXER} .mix-slider").focus()
    page.keyboard.press("End")
    page.wait_for_function(f"document.querySelector('{MIXER}').dataset.position > {SECONDS - 0.05}")
    page.locator(f"{MIXER} .mix-loop").tap()
    page.locator(f"{MIXER} .mix-slider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("KeyL")
    shows(page, loop=f"0.000000,{SECONDS:.6f}")
    handle = page.locator(f"{MIXER} .mix-handle-b")
    handle.focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(handle).to_have_attribute("aria-valuenow", f"{SECONDS - 1:.1f}")
    page.keyboard.press("Escape")
    shows(page, loop="")
    expect(handle).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_song_is_never_held_whole(lab) -> None:
    page = lab()
    make(page, "long")
    shows(page, ready="0")  # nothing is fetched before somebody wants to hear it
    page.locator(f"{MIXER} .mix-play").click()
    most = page.evaluate(
        """async at => {
            const root = document.querySelector(at), slider = root.querySelector('.mix-slider');
            let most = 0;
            for (const share of [0, 200, 500, 900, 100]) {
                slider.value = share;
                slider.dispatchEvent(new Event('input'));
                slider.dispatchEvent(new Event('change'));
                const from = Number(root.dataset.position);
                while (Number(root.dataset.position) < from + 0.3) {
                    await new Promise(resolve => setTimeout(resolve, 20));
                    most = Math.max(most, Number(root.dataset.ready));
                }
            }
            return most;
        }""",
        MIXER,
    )
    assert 1 <= most <= 6  # 12 s of segments of 3 s, and the one that is heard


def test_it_stops_for_another_player_tells_where_it_is_and_says_what_fails(lab) -> None:
    page = lab()
    make(page, "whole")
    page.evaluate("document.addEventListener('site-heard', e => { window.told = e.detail; })")
    page.locator(f"{MIXER} .mix-play").click()
    page.wait_for_function("window.told?.playing && window.told.seconds > 0.2")
    assert page.evaluate("window.told.element.closest('#mix-player') !== null")
    page.evaluate("site.onlyPlayer(() => {})")
    shows(page, playing="0")
    page.locator("#broken").click()
    shows(page, state="running")
    page.watch.errors.clear()
    page.locator(f"{MIXER} .mix-play").click()
    expect(page.locator(f"{MIXER} .mix-status")).to_have_text(strings("separation", "en")("mixer.failed"))
    shows(page, playing="0")
    assert page.watch.errors and all(re.search("404|403|Failed to load", error) for error in page.watch.errors)
    page.watch.errors.clear()
