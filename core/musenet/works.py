"""Which work a file is an edition or performance of, and which works no model may learn from.

A work is a composer and a catalogue number, such as "chopin:op23": all numbers of an opus, all movements and
variations, all editions and performances are held out together.
"""

from __future__ import annotations

import re
import zlib
from pathlib import PurePosixPath

from core.musenet.vocabulary import COMPOSERS

HELD_OUT = {
    "bach:bwv781", "bach:bwv816", "bach:bwv828", "bach:bwv862", "bach:bwv865", "bach:bwv870", "bach:bwv887",
    "haydn:hob16-28", "haydn:hob16-32", "haydn:op1",
    "mozart:k331", "mozart:k156",  # K. 331 ends with the Rondo alla Turca, which our example begins with
    "beethoven:op13", "beethoven:op90", "beethoven:op74",
    "schubert:d664", "schubert:d733",
    "schumann:op15", "schumann:op18",
    "chopin:op9", "chopin:op23", "chopin:op59", "chopin:op64",
    "liszt:s145", "liszt:s172",
    "rachmaninoff:op3", "rachmaninoff:op32-5", "rachmaninoff:op23-5",
    "joplin:entertainer", "joplin:eugenia", "joplin:peacherine",
}  # fmt: skip
ONE_IN = 16  # works of the collections below, by a hash of their names
HASHED = ("bach:chorale", "pop:", "game:", "various:", "folder:")

# Beethoven's piano sonatas 1 to 32 -> opus.
SONATAS = (2, 2, 2, 7, 10, 10, 10, 13, 14, 14, 22, 26, 27, 27, 28, 31, 31, 31, 49, 49, 53, 54, 57, 78, 79, 81, 90, 101,
           106, 109, 110, 111)  # fmt: skip
ASAP = {  # what precedes the number in a path of ASAP -> catalogue
    "Bach/Italian_concerto": "bwv971", "Chopin/Barcarolle": "op60", "Chopin/Berceuse_op_57": "op57",
    "Chopin/Sonata_2": "op35", "Chopin/Sonata_3": "op58", "Chopin/Etudes_op_10": "op10", "Chopin/Etudes_op_25": "op25",
    "Chopin/Polonaises/53": "op53", "Chopin/Ballades/1": "op23", "Chopin/Ballades/2": "op38",
    "Chopin/Ballades/3": "op47", "Chopin/Ballades/4": "op52", "Chopin/Scherzos/20": "op20",
    "Chopin/Scherzos/31": "op31", "Chopin/Scherzos/39": "op39", "Liszt/Annees_de_pelerinage_2": "s162",
    "Liszt/Ballade_2": "s171", "Liszt/Concert_Etude_S145": "s145", "Liszt/Gran_Etudes_de_Paganini": "s141",
    "Liszt/Hungarian_Rhapsodies/6": "s244-6", "Liszt/Mephisto_Waltz": "s514", "Liszt/Sonata": "s178",
    "Liszt/Transcendental_Etudes": "s139", "Mozart/Fantasie_475": "k475", "Mozart/Piano_Sonatas/11": "k331",
    "Mozart/Piano_Sonatas/12": "k332", "Mozart/Piano_Sonatas/8": "k310", "Schubert/Impromptu_op.90_D.899": "d899",
    "Schubert/Impromptu_op142": "d935", "Schubert/Moment_Musical_no_1": "d780", "Schubert/Moment_musical_no_3": "d780",
    "Schubert/Piano_Sonatas/664": "d664", "Schubert/Piano_Sonatas/894": "d894", "Schubert/Wanderer_fantasie": "d760",
    "Schumann/Arabeske": "op18", "Schumann/Kreisleriana": "op16", "Schumann/Toccata": "op7",
}  # fmt: skip
MUTOPIA = {  # folder of Mutopia -> composer
    "BachJS": "bach", "HaydnFJ": "haydn", "MozartWA": "mozart", "BeethovenLv": "beethoven", "SchubertF": "schubert",
    "SchumannR": "schumann", "ChopinFF": "chopin", "LisztF": "liszt", "RachmaninoffS": "rachmaninoff",
    "JoplinS": "joplin",
}  # fmt: skip


def held_out(work: str) -> bool:
    """Whether a work is kept from training."""
    if work.startswith(HASHED):
        return zlib.crc32(work.encode()) % ONE_IN == 0
    return work in HELD_OUT


def of(collection: str, path: str) -> tuple[str, str]:
    """The composer's token and the work of a file.

    Args:
        collection: "asap", "nifc", "mutopia", "pop909", "multitrack", "music21" or "folder".
        path: within the collection, with slashes, such as "Chopin/Ballades/1/Shi05M.mid".
    """
    names = {"asap": _asap, "nifc": _nifc, "mutopia": _mutopia, "music21": _music21}
    composer, work = names[collection](path) if collection in names else _other(collection, path)
    if composer == "various" and not work.startswith("various:"):
        work = f"various:{work}"
    return composer, work


def _asap(path: str) -> tuple[str, str]:
    composer, rest = path.split("/")[0].lower(), path.rsplit("/", 1)[0]
    composer = composer if composer in COMPOSERS else "various"
    if found := re.search(r"bwv_(\d+)", rest):
        return composer, f"bach:bwv{found[1]}"
    if found := re.match(r"Beethoven/Piano_Sonatas/(\d+)", rest):
        return composer, f"beethoven:op{SONATAS[int(found[1]) - 1]}"
    if found := re.match(r"Haydn/Keyboard_Sonatas/(\d+)", rest):
        return composer, f"haydn:hob16-{found[1]}"
    if found := re.match(r"Rachmaninoff/Preludes_op_(\d+)/(\d+)", rest):
        return composer, f"rachmaninoff:op{found[1]}-{found[2]}"
    fits = [key for key in ASAP if re.match(re.escape(key) + r"(?!\d)", rest)]
    return composer, f"{composer}:{ASAP[max(fits, key=len)] if fits else rest}"


def _nifc(path: str) -> tuple[str, str]:
    number = re.match(r"(\d+)", PurePosixPath(path).name)
    return "chopin", f"chopin:op{int(number[1])}" if number else f"chopin:{PurePosixPath(path).stem}"


def _mutopia(path: str) -> tuple[str, str]:
    folder, file = path.split("/")[-2:]
    composer = MUTOPIA.get(folder, "various")
    label, rest = file.removesuffix(".mid").split("__", 1)
    kinds = ((r"BWV(\d+)", "bwv"), (r"KV?(\d+)", "k"), (r"HOB-XVI-(\d+)", "hob16-"), (r"D(\d+)", "d"),
             (r"S\.(\d+)", "s"), (r"O(\d+)", "op"))  # fmt: skip
    catalogue = label.lower()
    for pattern, kind in kinds:
        if found := re.fullmatch(pattern, label):
            catalogue = f"{kind}{int(found[1])}"
            break
    if composer == "rachmaninoff" and (number := re.search(r"prelude23-(\d+)", rest)):
        catalogue = f"op23-{int(number[1])}"
    if composer == "various":
        return composer, f"{folder}:{catalogue}"
    return composer, f"{composer}:{catalogue}"


def _music21(path: str) -> tuple[str, str]:
    parts = PurePosixPath(path).parts
    folder, label = parts[0], parts[1]
    composer = {"schumann_robert": "schumann"}.get(folder, folder)
    composer = composer if composer in COMPOSERS else "various"
    if composer == "bach":
        number = re.match(r"bwv(\d+)", label)
        return composer, f"bach:chorale{number[1] if number else label}"
    if found := re.match(r"opus(\d+)", label):
        return composer, f"{composer}:op{found[1]}"
    if found := re.fullmatch(r"k(\d+)", label):
        return composer, f"{composer}:k{found[1]}"
    return composer, f"{folder}:{PurePosixPath(label).stem.lower()}"


def _other(collection: str, path: str) -> tuple[str, str]:
    stem = PurePosixPath(path).stem
    if collection == "pop909":
        return "pop", f"pop:{stem}"
    if collection == "multitrack":
        return "game", f"game:{stem}"
    composer = next((part.lower() for part in PurePosixPath(path).parts[:-1] if part.lower() in COMPOSERS), "various")
    return composer, f"folder:{composer}:{stem.lower()}"
