"""What lies in a phone's storage: nothing readable; and what happens when it is full."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import cramjam
from playwright.sync_api import expect

from tests.browser.leveldb import MAGIC, unpacked
from tests.browser.phone import Phone
from tests.browser.test_sending import logs_visit, photos_of, visits_of
from tests.browser.world import World

# A browser writes down what is typed into a page now and then; nightly runs wait a minute.
DRAFT_SECONDS = int(os.environ.get("SUIVI_DRAFT_SECONDS", "5"))
FOR_A_MOMENT = """async ([said, long]) => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const change = (work) => new Promise((resolve) => {
    const transaction = database.transaction("meta", "readwrite", { durability: "strict" });
    work(transaction.objectStore("meta"));
    transaction.oncomplete = resolve;
  });
  await change((meta) => meta.put({ draft: said, long }, "planted"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await change((meta) => meta.delete("planted"));
  // So much else that the browser puts it away in a pressed table.
  const noise = () => crypto.getRandomValues(new Uint8Array(50_000));
  for (let row = 0; row < 120; row += 1) await change((meta) => meta.put(noise(), `noise ${row}`));
  database.close();
}"""
NAME, PLACE, NOTE, DRAFT = "Zyxwkanari", "Quartierkanari", "Notekanarisecrete", "Brouillonkanari"
PRESSED = f"{PLACE[:9]} {PLACE[9:]} " * 300 + PLACE + " ." * 40
"""Long enough to be pressed, and of a word's two halves: the whole word is only references to them."""


def spellings(word: str) -> Iterator[tuple[str, bytes]]:
    """A word in every form in which a browser writes strings down."""
    plain = word.encode()
    yield "utf-8", plain
    yield "utf-16", word.encode("utf-16-le")
    yield "hex", plain.hex().encode()
    for shift in range(3):
        # In the middle of a base64 text only the whole groups are certain.
        coded = base64.b64encode(b"\0" * shift + plain)
        yield f"base64+{shift}", coded[4 : len(coded) // 4 * 4 - 4]


def found_in(folder: Path, *words: str) -> list[str]:
    wanted = [(f"{word} as {form}", bytes_) for word in words for form, bytes_ in spellings(word)]
    hits = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            for content in (path.read_bytes(), *unpacked(path)):
                where = path.relative_to(folder)
                hits += [f"{what} in {where}" for what, bytes_ in wanted if bytes_ in content]
    return hits


def unpacked_tables(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*.ldb") for _block in unpacked(path))


def test_a_locked_phone_copied_whole_tells_nothing(phone: Phone, world: World) -> None:
    case = world.a_case(NAME, "Oumou")
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    phone.opens("/cases")
    phone.page.fill("[data-find-input]", NAME)
    phone.page.locator("[data-find]:visible a").first.click()
    phone.fills_in_visit(case, words=PLACE, notes=NOTE)
    phone.adds_photo("landscape_3.jpg", caption=NOTE)
    phone.saves()
    phone.fills_in_visit(case, notes=DRAFT)
    phone.page.wait_for_timeout(DRAFT_SECONDS * 1_000)
    # In the middle of it the phone is copied: no lock, no closing, whatever the browser has written down so far.
    assert not found_in(phone.folder, NAME, PLACE, NOTE, DRAFT, phone.words)
    world.line.mode = "ok"
    phone.opens("/more")
    phone.page.click("[data-lock]")
    expect(phone.page.locator("#unlock")).to_be_visible()
    phone.close()
    words = (NAME, PLACE, NOTE, DRAFT, phone.words, phone.words.split()[0] + " " + phone.words.split()[1])
    assert not found_in(phone.folder, *words)
    # The search itself finds what is there: a page that keeps a name in the clear is caught.
    phone.start()
    phone.opens("/unlock")
    phone.page.evaluate(f"localStorage.setItem('planted', '{NAME}')")
    phone.page.evaluate(f"caches.open('planted').then((c) => c.put('/x', new Response('{NOTE}')))")
    # A tenth of a second in the clear, then deleted; and a long text, which the browser presses by itself.
    phone.page.evaluate(FOR_A_MOMENT, [DRAFT, PRESSED])
    phone.close()
    hits = " ".join(found_in(phone.folder, NAME, NOTE, DRAFT, PLACE))
    assert NAME in hits
    assert NOTE in hits
    assert DRAFT in hits
    assert PLACE in hits
    assert unpacked_tables(phone.folder), "what the browser presses is opened as well"
    phone.start()


def test_the_search_opens_what_the_browser_has_pressed(tmp_path: Path) -> None:
    # Both halves of the word were there before: pressed, the whole one is only two references to them.
    half = len(DRAFT) // 2
    said = f"{DRAFT[:half]} {DRAFT[half:]} {DRAFT} {'.' * 40}".encode()
    pressed = bytes(cramjam.snappy.compress_raw(said))
    assert DRAFT.encode() not in pressed
    block = pressed + b"\x01" + bytes(4)
    index_entry = bytes([0, 1, 2]) + b"k" + bytes([0, len(pressed)])
    index = index_entry + bytes(4) + (1).to_bytes(4, "little")
    handles = bytes([0, 0, len(block), len(index)])
    table = block + index + bytes(5) + handles + bytes(40 - len(handles)) + MAGIC
    (tmp_path / "000005.ldb").write_bytes(table)
    assert found_in(tmp_path, DRAFT) == [f"{DRAFT} as utf-8 in 000005.ldb"]


def test_on_a_full_phone_the_text_is_kept_and_its_photos_wait(phone: Phone, world: World) -> None:
    case = world.a_case("Plein", "Telephone")
    phone.opens("/sign-in")
    session = phone.devtools()
    # From the start, because a browser looks only now and then how much room there is. Pages and scripts take a third.
    session.send("Storage.overrideQuotaForOrigin", {"origin": world.address, "quotaSize": 900_000})
    phone.is_made_ready_for("ibrahima")
    world.line.mode = "reset"
    saved = phone.page.locator("[role=status]:has([data-time])")
    waits = phone.page.locator("form[data-outbox] > [data-shown-error]")
    for number in range(8):
        phone.fills_in_visit(case, words=f"plein {number}")
        for _ in range(2):
            phone.adds_photo("HMD_Nokia_8.3_5G.jpg", caption="lourde")
        before = len(phone.outbox())
        phone.page.click("form[data-outbox] button[type=submit]:not([name])")
        expect(saved.or_(waits).first).to_be_visible()
        kept = len(phone.outbox()) - before
        if not saved.count():
            break
        assert kept == 3
    assert kept == 1, "the text, and no half of a photo"
    expect(waits).to_have_text(
        world.word(
            "Texte enregistré. Les photos attendent ici qu’il y ait de la place : faites partir les envois, "
            "puis enregistrez encore.",
            "fr",
        )
    )
    expect(phone.page.locator("[data-photo-tray] [data-preview]")).to_have_count(2)
    phone.shows("no-space")
    # What waits is sent, or there is room again: the photos come to the visit they belong to.
    session.send("Storage.overrideQuotaForOrigin", {"origin": world.address})
    phone.saves()
    assert len(phone.outbox()) - before == 3
    world.line.mode = "ok"
    phone.delivers_all()
    visit = next(visit for visit in visits_of(world, case) if visit.words == f"plein {number}")
    assert sum(photo.for_visit == visit.id for photo in photos_of(world, case)) == 2


def test_a_phone_that_was_emptied_says_what_was_lost(phone: Phone, world: World) -> None:
    case = world.a_case("Efface", "Tout")
    phone.is_made_ready_for("ibrahima")
    world.line.only, world.line.mode = "/outbox/", "reset"
    logs_visit(phone, case, "perdue")
    phone.opens("/outbox")
    expect(phone.page.locator("[data-state-name=waiting]")).to_have_count(1)
    # As a browser short of room does with what is not in use: the whole database, but no cookie.
    phone.close()
    rmtree(phone.folder / "Default" / "IndexedDB")
    world.line.only, world.line.mode = None, "ok"
    phone.start()
    phone.signs_in("ibrahima")
    expect(phone.page.locator("[data-bar=evicted] [data-lost]")).to_have_text("1", timeout=15_000)
    phone.shows("evicted")
    phone.takes_the_words()
    phone.is_ready()
    phone.opens("/today")
    expect(phone.page.locator("[data-unsent]")).to_be_attached()
    expect(phone.page.locator("[data-bar=evicted]")).to_have_count(0)
