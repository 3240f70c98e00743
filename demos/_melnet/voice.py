"""A spectrogram spoken by the WaveNet vocoder, streamed while it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from demos import _models
from demos import _widgets as w
from demos._melnet.making import Made
from demos._tab import Strings
from demos._wavenet import live_sound as live

if TYPE_CHECKING:
    from core.melnet.take import Take

VOCODER = "wavenet-vocoder"


def chosen_of(made: Made | None, number: Any) -> Take | None:
    """The take that is chosen, if anything of it was drawn."""
    if made is None or not made.takes:
        return None
    take = made.takes[min(max(int(number or 0), 0), len(made.takes) - 1)]
    return take if take.parts else None


def speak(
    t: Strings, made: Made | None, number: Any, *, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[dict[str, Any], Any]]:
    """(live sound, None) again and again, at last (live sound, tracks of it and of Griffin-Lim's).

    Raises:
        SamplingError: nothing was drawn yet.
    """
    import torch

    from core import audio, postfilter
    from core.errors import SamplingError
    from core.melnet.examples import sound_of
    from core.wavenet import live as speech
    from core.wavenet.examples import TEMPERATURE

    take = chosen_of(made, number)
    if take is None:
        yield live.Broadcast.idle(), None
        raise SamplingError("Nothing has been drawn yet: draw a spectrogram first, then have it spoken.")
    try:
        mel = take.large().T.clamp(-11.5, 3.0)  # [80, T]
        samples = mel.shape[1] * audio.HOP_SAMPLES
        sound, post = live.Broadcast(samples, picture=mel.numpy()), postfilter.PostFilter(mel)
        heard: list[torch.Tensor] = []
        updates = speech.speak(_models.load(VOCODER), mel=mel, samples=samples, seed=0, temperature=TEMPERATURE)
        stopped = False
        for update in updates:
            heard.append(post.push(audio.mu_law_decode(update.codes)).clamp(-1, 1))
            stopped = is_stopped()
            if stopped or update.drawn == samples:
                heard[-1] = torch.cat([heard[-1], post.finish().clamp(-1, 1)])
            facts = t("voice_facts", speed=f"{update.real_time:.1f}") if update.real_time else ""
            yield sound.add(audio.to_int16(heard[-1]), speed=update.real_time, facts=facts), None
            if stopped:
                updates.close()
                break
    except Exception:
        yield live.Broadcast.idle(), None
        raise
    spoken = audio.level_to(torch.cat(heard))
    tracks = [w.track(t("by_wavenet"), spoken), w.track(t("by_griffin_lim"), sound_of(take.large()))]
    yield sound.end(stopped=stopped), tracks
