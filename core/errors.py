"""Typed errors. Each text says what is wrong and how to mend it; the site shows the text as it stands."""


class LessonError(Exception):
    """Base of all errors that a visitor can mend; everything else is a bug."""


class AudioError(LessonError):
    """A sound that cannot be read or used: empty, silent, not finite, too long, not audio at all."""


class MelError(LessonError):
    """A mel spectrogram of the wrong shape, or with values that are not finite."""


class SamplingError(LessonError):
    """Sampling options out of range: temperature, number of samples, uniforms, engine name."""


class TextError(LessonError):
    """A text that cannot be spoken: empty, nothing to say in it, too long, another script than the voice's."""


class MidiError(LessonError):
    """A MIDI file that cannot be read or used, or tokens that are none: out of range, misspelt, too many."""


class WeightsError(LessonError):
    """Weights that are missing, damaged (their hash differs) or of another architecture."""


class HubError(LessonError):
    """Weights that cannot be sent to the Hugging Face Hub or fetched from it; nothing has changed here then."""


class EngineError(LessonError):
    """A generation engine that does not work on this machine; the text names the ones that do."""


class DataError(LessonError):
    """Training data that is not where `--data` points, or not in a layout we know."""


class PackageError(LessonError):
    """An optional package that is not installed; the text gives the command that installs it."""
