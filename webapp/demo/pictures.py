"""The photos of the demo world, drawn here: no picture of a real place or person is needed.

A few scenes in a few lights. They go through the same press as any photo from a phone.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

SIZE = (1200, 900)
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Light:
    """The colours of an hour of the day: sky or wall above, ground below, and how bright things are."""

    above: Colour
    below: Colour
    bright: float


LIGHTS = {
    "morning": Light((244, 226, 196), (203, 168, 122), 1.0),
    "noon": Light((214, 232, 240), (226, 201, 158), 1.1),
    "evening": Light((92, 74, 92), (70, 52, 48), 0.62),
}
CLOTHS = [(178, 58, 52), (38, 104, 122), (222, 160, 40), (72, 112, 66), (112, 70, 128), (205, 96, 48)]


class Drawing:
    """A canvas of one scene, with the pencil that dims every colour to the light."""

    def __init__(self, light: Light, rng: Random) -> None:
        self.light, self.rng = light, rng
        self.image = Image.new("RGB", SIZE, light.above)
        self.pencil = ImageDraw.Draw(self.image)
        for row in range(SIZE[1]):
            share = row / SIZE[1]
            self.pencil.line([(0, row), (SIZE[0], row)], _mixed(light.above, light.below, share * 0.5))
        self.pencil.rectangle([0, 640, *SIZE], fill=light.below)

    def dim(self, colour: Colour) -> Colour:
        red, green, blue = (min(255, round(part * self.light.bright)) for part in colour)
        return red, green, blue

    def box(self, left: int, top: int, right: int, bottom: int, colour: Colour, round_by: int = 0) -> None:
        self.pencil.rounded_rectangle([left, top, right, bottom], round_by, fill=self.dim(colour))

    def disc(self, x: int, y: int, radius: int, colour: Colour) -> None:
        self.pencil.ellipse([x - radius, y - radius, x + radius, y + radius], fill=self.dim(colour))

    def shape(self, points: list[tuple[int, int]], colour: Colour) -> None:
        self.pencil.polygon(points, fill=self.dim(colour))

    def stroke(self, points: list[tuple[int, int]], colour: Colour, width: int) -> None:
        self.pencil.line(points, fill=self.dim(colour), width=width, joint="curve")

    def cloth(self) -> Colour:
        return self.rng.choice(CLOTHS)


def market_stall(draw: Drawing) -> None:
    for left in (150, 1010):
        draw.box(left, 260, left + 26, 760, (110, 78, 50))
    stripes = [draw.cloth(), (240, 232, 214)]
    for number in range(12):
        left = 110 + number * 82
        draw.shape([(left, 180), (left + 82, 180), (left + 92, 300), (left - 8, 300)], stripes[number % 2])
    draw.box(130, 560, 1070, 620, (138, 98, 62))
    draw.box(150, 620, 1050, 760, (118, 82, 52))
    for heap in range(6):
        middle, colour = 220 + heap * 150, draw.rng.choice([(206, 62, 44), (232, 170, 48), (86, 138, 62)])
        for row in range(4):
            for fruit in range(4 - row):
                draw.disc(middle - 42 + fruit * 28 + row * 14, 545 - row * 24, 15, colour)


def sewing_machine(draw: Drawing) -> None:
    draw.box(120, 560, 1080, 610, (142, 96, 58), 8)
    for left in (180, 980):
        draw.box(left, 610, left + 40, 860, (66, 60, 58))
    body = draw.rng.choice([(36, 40, 44), (34, 72, 84), (92, 34, 36)])
    draw.box(330, 500, 900, 560, body, 12)
    draw.box(760, 270, 900, 520, body, 26)
    draw.box(360, 270, 900, 350, body, 34)
    draw.box(360, 300, 430, 470, body, 18)
    draw.stroke([(394, 470), (394, 540)], (190, 190, 196), 8)
    draw.disc(930, 330, 66, (58, 54, 52))
    draw.disc(930, 330, 40, (120, 112, 104))
    draw.box(560, 230, 590, 272, draw.cloth(), 6)
    cloth = draw.cloth()
    draw.shape([(140, 556), (560, 548), (520, 600), (470, 720), (180, 700)], cloth)
    for fold in range(4):
        draw.stroke([(190 + fold * 80, 560), (210 + fold * 70, 700)], _mixed(cloth, (0, 0, 0), 0.25), 5)


def tools(draw: Drawing) -> None:
    draw.box(80, 520, 1120, 900, (120, 92, 64))
    for plank in range(5):
        draw.stroke([(80, 520 + plank * 84), (1120, 520 + plank * 84)], (92, 68, 46), 5)
    for number in range(5):
        left = 160 + number * 190
        tilt = draw.rng.randint(-40, 40)
        kind = draw.rng.choice(["hammer", "spanner", "saw"])
        draw.stroke([(left, 830), (left + tilt, 620)], (152, 104, 60), 26)
        if kind == "hammer":
            draw.box(left + tilt - 60, 580, left + tilt + 60, 640, (88, 90, 96), 10)
        elif kind == "spanner":
            draw.disc(left + tilt, 610, 48, (150, 154, 160))
            draw.disc(left + tilt, 592, 24, (120, 92, 64))
        else:
            draw.shape(
                [(left + tilt - 30, 640), (left + tilt + 30, 640), (left + tilt + 80, 400)], (176, 180, 186)
            )
    draw.box(760, 300, 1060, 510, draw.cloth(), 14)
    draw.box(860, 262, 960, 300, (60, 58, 58), 10)


def sacks(draw: Drawing) -> None:
    for row, count in ((0, 4), (1, 3), (2, 2)):
        for number in range(count):
            left, top = 160 + number * 230 + row * 112, 660 - row * 160
            colour = draw.rng.choice([(226, 214, 188), (208, 190, 152), (238, 230, 214)])
            draw.box(left, top, left + 215, top + 175, colour, 46)
            draw.box(left + 50, top + 62, left + 165, top + 112, draw.cloth(), 8)
            draw.stroke([(left + 14, top + 20), (left + 200, top + 16)], _mixed(colour, (90, 70, 40), 0.5), 6)


def shop_front(draw: Drawing) -> None:
    wall = draw.rng.choice([(222, 196, 148), (150, 186, 178), (226, 168, 138)])
    draw.box(140, 190, 1060, 800, wall)
    draw.shape([(100, 200), (1100, 200), (1040, 120), (160, 120)], (128, 98, 84))
    draw.box(220, 220, 980, 320, draw.cloth(), 10)
    for word in range(3):
        draw.box(280 + word * 230, 252, 440 + word * 230, 288, (246, 240, 226), 8)
    draw.box(240, 380, 560, 790, (74, 62, 58))
    draw.box(640, 380, 970, 640, (60, 70, 78), 6)
    for shelf in range(3):
        draw.box(650, 452 + shelf * 64, 960, 460 + shelf * 64, (150, 118, 84))
        for number in range(7):
            draw.box(
                662 + number * 42, 416 + shelf * 64, 690 + number * 42, 452 + shelf * 64, draw.cloth(), 4
            )
    draw.shape([(140, 800), (1060, 800), (1160, 900), (40, 900)], (168, 140, 108))


def receipt(draw: Drawing) -> None:
    draw.box(0, 0, SIZE[0], SIZE[1], (122, 88, 60))
    for plank in range(6):
        draw.stroke([(0, plank * 160), (1200, plank * 160 + 30)], (98, 70, 48), 6)
    draw.shape([(370, 60), (850, 80), (826, 850), (340, 826)], (246, 243, 234))
    draw.box(430, 130, 770, 168, (70, 70, 84))
    for line in range(10):
        top = 220 + line * 46
        draw.box(410, top, 410 + draw.rng.randint(130, 240), top + 14, (136, 136, 146))
        draw.box(690, top, 690 + draw.rng.randint(50, 96), top + 14, (136, 136, 146))
    draw.box(406, 700, 790, 706, (70, 70, 84))
    draw.box(640, 724, 790, 752, (40, 40, 52))
    ring = draw.dim((64, 72, 150))
    draw.pencil.ellipse([440, 690, 580, 810], outline=ring, width=8)


def workbench(draw: Drawing) -> None:
    draw.box(90, 540, 1110, 900, (86, 96, 92))
    for number in range(6):
        left, top = 150 + number * 160, 600 + draw.rng.randint(-20, 60)
        draw.box(left, top, left + 96, top + 170, (28, 30, 34), 14)
        draw.box(left + 8, top + 18, left + 88, top + 146, draw.rng.choice([(96, 140, 170), (60, 66, 74)]), 4)
    draw.stroke([(900, 540), (860, 330), (960, 250)], (140, 140, 146), 16)
    draw.shape([(920, 210), (1030, 250), (990, 330), (900, 290)], (210, 190, 90))
    draw.box(150, 300, 520, 500, (188, 168, 130), 8)
    for row in range(3):
        for column in range(6):
            draw.disc(186 + column * 60, 336 + row * 62, 16, draw.cloth())


def salon(draw: Drawing) -> None:
    draw.box(220, 110, 620, 560, (150, 112, 70), 14)
    draw.box(244, 134, 596, 536, (196, 214, 220), 6)
    draw.stroke([(290, 480), (420, 180)], (226, 238, 242), 14)
    draw.box(180, 580, 680, 616, (120, 84, 54), 6)
    for number in range(7):
        draw.box(206 + number * 64, 510 + draw.rng.randint(0, 26), 242 + number * 64, 580, draw.cloth(), 8)
    draw.box(800, 420, 1000, 640, (48, 46, 52), 30)
    draw.box(760, 620, 1050, 690, draw.cloth(), 24)
    draw.box(890, 690, 920, 820, (150, 152, 158))
    draw.disc(905, 830, 60, (120, 122, 128))


SCENES: dict[str, Callable[[Drawing], None]] = {
    "stall": market_stall,
    "sewing": sewing_machine,
    "tools": tools,
    "sacks": sacks,
    "shop": shop_front,
    "receipt": receipt,
    "workbench": workbench,
    "salon": salon,
}


def drawn(scene: str, light: str, *, seed: int) -> bytes:
    """A JPEG of the scene in this light."""
    drawing = Drawing(LIGHTS[light], Random(f"{scene} {light} {seed}"))  # noqa: S311 - a drawing, not a secret
    SCENES[scene](drawing)
    file = io.BytesIO()
    drawing.image.save(file, "JPEG", quality=80)
    return file.getvalue()


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        round(first + (second - first) * share) for first, second in zip(one, other, strict=True)
    )
    return red, green, blue
