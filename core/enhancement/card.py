"""The words of the enhancer's card, and writing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core import training, weights
from core.enhancement.model import CRN
from core.enhancement.spectrum import SAMPLE_RATE_HZ
from core.voice_metrics import Metric, for_card

NAME = "enhancement"
COMMAND = "python -m core.enhancement.measure --data PATH"
DATA = [
    {"name": "Kathleen, all but b0480 to b0539", "license": "CC0 1.0",
     "source": "Michael Hansen (Rhasspy), github.com/rhasspy/dataset-voice-kathleen"},
    {"name": "TSP speech database, speakers FA, FB, MC", "license": "Simplified BSD, by the word of others",
     "source": "Peter Kabal, McGill University, 2002"},
    {"name": "Free Spoken Digit Dataset, all speakers but theo", "license": "CC BY-SA 4.0",
     "source": "github.com/Jakobovski/free-spoken-digit-dataset"},
    {"name": "Asterisk core sounds: Allison Smith (English, Spanish), June Wallack (French), Carlo Flora (Italian)",
     "license": "CC BY-SA 3.0",
     "source": "asterisk-core-sounds-en-g722, -es-g722, -fr-g722 and -it-g722 1.6.1 of Debian"},
    {"name": "Asterisk core sounds in Russian (ivrvoice.ru, Maxim Topal)", "license": "CC BY 3.0",
     "source": "asterisk-core-sounds-ru-g722 1.6.1 of Debian"},
    {"name": "ESC-10, 16 kHz clips, four fifths of the sources", "license": "CC BY 3.0; clips CC0 or CC BY",
     "source": "Piczak 2015, github.com/karoldvl/ESC-10"},
    {"name": "UrbanSound8K, folds 1 and 2", "license": "CC BY-NC 3.0",
     "source": "Salamon, Jacoby, Bello 2014; urbansounddataset.weebly.com"},
    {"name": "Everything is Free, all songs but Rubidium, without vocals", "license": "CC0 1.0",
     "source": "Software-Entwicklungskit, github.com/ichbinsoftware/everythingisfree"},
    {"name": "MIR-1K, accompaniments of the train part", "license": "research use; no sound of it is here",
     "source": "Hsu and Jang 2010"},
]  # fmt: skip
FAILURES = [
    "Better than RNNoise in PESQ and SI-SDR on the whole, not everywhere: at -5 dB they are level in PESQ, at 0 dB "
    "RNNoise is ahead in both. In STOI it is ahead up to 10 dB; our network hardly raises STOI.",
    "Told by its share of speech frames, music without a voice is taken for speech in a fifth of the cases.",
    "Has heard thirteen people for 3.4 hours, five of them in digits at 8 kHz: children, singing, whispering and "
    "shouting were not among them, and nothing was measured there.",
    "Other voices are voices too: one person talking in the background is kept. Babble of many was in the training; "
    "how well it goes was not measured.",
    "Reverberation stays: it was taught to remove noise, not rooms.",
    "Mono at 16 kHz: what lies above 8 kHz is lost.",
]


def ship(model: CRN, state: dict[str, Any], metrics: list[Metric]) -> Path:
    """Write assets/weights/enhancement with its card."""
    return weights.save(
        model, NAME, sample_rate_hz=SAMPLE_RATE_HZ, bits=8,
        description="A convolutional recurrent network (CRN, Tan and Wang 2018, small) that takes the noise from a "
        "voice by a complex mask, as the sound comes in: it looks 32 ms ahead, and no further. Matrices have 8 bits.",
        training_command=training.commands(state), commit=state.get("commit", training.commit_hash()),
        seed=state["seed"], steps=state["step"], hours=state["hours"], device=state.get("device", "CPU"), data=DATA,
        metrics=for_card(metrics, COMMAND), known_failures=FAILURES, license="cc-by-nc-sa-4.0",
    )  # fmt: skip
