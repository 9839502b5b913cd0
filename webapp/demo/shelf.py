"""The drawn photos, pressed and stored once each, and used again by many visits."""

from dataclasses import dataclass
from random import Random

from .. import press
from ..storage import Storage
from .pictures import LIGHTS, SCENES, drawn


@dataclass(frozen=True)
class KeptPhoto:
    """Where a pressed photo lies."""

    file: str
    thumb: str
    width: int
    height: int


class PhotoShelf:
    """Every scene in every light."""

    def __init__(self, storage: Storage) -> None:
        self._photos = {scene: [_kept(scene, light, storage) for light in LIGHTS] for scene in SCENES}

    def any_of(self, scene: str, rng: Random) -> KeptPhoto:
        """One photo of the scene."""
        return rng.choice(self._photos[scene])


def _kept(scene: str, light: str, storage: Storage) -> KeptPhoto:
    pressed = press.press(drawn(scene, light, seed=1))
    return KeptPhoto(
        storage.put(pressed.photo, "photo"),
        storage.put(pressed.thumb, "thumb"),
        pressed.width,
        pressed.height,
    )
