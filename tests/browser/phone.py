"""A phone in a test: real Chromium with a profile folder of its own, and what its owner does with it."""

import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.sync_api import BrowserContext, CDPSession, ConsoleMessage, Page, Playwright, Response, expect

from tests.browser.world import World, until
from tests.cast import PASSWORD

CHROMIUM = os.environ.get("SUIVI_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
]
LANGUAGES = {"fr": "fr-FR", "en": "en-GB", "ar": "ar"}
PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
# What a browser says of a line that is down, or of an answer with an error status, is no fault of the page.
LINE_IS_DOWN = re.compile(
    # An icon is fetched whenever the browser likes, also over a line that was cut; test_install looks at the icons.
    r"Failed to load resource|net::ERR_|An SSL certificate error|the server responded with|icon from the Manifest"
)
PACK_IS_HERE = """async () => {
  const named = await indexedDB.databases();
  for (const { name } of named.filter(({ name }) => name.startsWith("suivi-"))) {
    const database = await new Promise((resolve) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
    });
    if (!database.objectStoreNames.contains("kept")) { database.close(); continue; }
    const row = await new Promise((resolve) => {
      const request = database.transaction("kept").objectStore("kept").get("pack");
      request.onsuccess = () => resolve(request.result);
    });
    database.close();
    if (row) return true;
  }
  return false;
}"""
ASK_FOR_THE_REST = """async () => {
  navigator.serviceWorker.controller?.postMessage({ type: "pack", pressed: true });
  return (await (await caches.open("public")).keys()).some(({ url }) => url.includes("/questions-"));
}"""
NOTIFICATIONS = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag }) => ({ title, body, tag }))"""
OUTBOX = """async () => {
  const database = await new Promise((resolve) => {
    const request = indexedDB.open("suivi");
    request.onsuccess = () => resolve(request.result);
  });
  const rows = await new Promise((resolve) => {
    const request = database.transaction("outbox").objectStore("outbox").getAll();
    request.onsuccess = () => resolve(request.result);
  });
  database.close();
  return rows.map(({ id, kind, state, digest, person, after }) => ({ id, kind, state, digest, person, after }));
}"""


class Phone:
    """One phone. Start it, hand it to somebody, look at what it says."""

    def __init__(
        self, playwright: Playwright, world: World, folder: Path, *, locale: str = "fr", **options: Any
    ) -> None:
        self.world, self.folder, self.locale = world, folder, locale
        self._playwright, self._options = playwright, options
        self.complaints: list[str] = []
        self.words = ""
        self._watched: set[Page] = set()
        self.start()

    def start(self) -> None:
        chosen = {
            "viewport": {"width": 360, "height": 740},
            "device_scale_factor": 2,
            "is_mobile": True,
            "has_touch": True,
            "locale": LANGUAGES[self.locale],
            "timezone_id": "Africa/Conakry",
            "base_url": self.world.address,
            **self._options,
        }
        self.context: BrowserContext = self._playwright.chromium.launch_persistent_context(
            str(self.folder),
            executable_path=CHROMIUM,
            headless=True,
            args=[*FLAGS, f"--lang={self.locale}"],
            **chosen,
        )
        self.context.set_default_timeout(15_000)
        self.context.on("console", self._listen)
        self.context.on("weberror", lambda trouble: self.complaints.append(f"page: {trouble.error}"))
        self.context.on("response", self._look)
        self.page: Page = self.context.pages[0] if self.context.pages else self.context.new_page()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not LINE_IS_DOWN.search(message.text):
            self.complaints.append(
                f"console {message.type}: {message.text} ({message.location.get('url', '')})"
            )

    def _look(self, response: Response) -> None:
        if response.status >= 500 and not response.from_service_worker:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def close(self) -> None:
        self.context.close()

    def is_killed(self) -> None:
        """SIGKILL to the browser and everything it started, as when the phone's battery dies."""
        mine = f"--user-data-dir={self.folder}"
        for process in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if mine in process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0"):
                    os.kill(int(process.name), signal.SIGKILL)
        with suppress(Exception):
            self.context.close()
        for lock in self.folder.glob("Singleton*"):
            lock.unlink()

    # What its owner does

    def opens(self, path: str, page: Page | None = None) -> Page:
        """Go to a page. With a dead line the phone answers, or this fails."""
        page = page or self.page
        page.goto(self.world.address + path)
        return page

    def signs_in(self, name: str) -> None:
        self.opens("/sign-in")
        self.page.fill("[name=email]", f"{name}@demo")
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("form[action='/sign-in'] button[type=submit]")
        self.page.wait_for_url(re.compile(r"/(?!sign-in)"))

    def takes_the_words(self) -> str:
        """Protect this phone with the words that the page proposes."""
        proposed = self.page.locator("#vault-setup [data-proposed-words]")
        expect(proposed).to_have_text(re.compile(r"(\S+\s+){4}\S+"))
        self.words = proposed.inner_text().strip()
        self.page.click("#vault-setup [data-use-words]")
        expect(self.page.locator("#vault-setup")).to_be_hidden()
        return self.words

    def is_ready(self) -> None:
        """The caseload has come by itself."""
        until(lambda: self.page.evaluate(PACK_IS_HERE), "the pack is on the phone", pause=0.2)

    def is_made_ready_for(self, name: str) -> None:
        """Signed in, protected, caseload kept."""
        self.signs_in(name)
        self.takes_the_words()
        self.is_ready()

    def brings_the_rest(self) -> None:
        """What a phone asks for once the line is quiet is here: payment requests, statements, questionnaires."""
        until(lambda: self.page.evaluate(ASK_FOR_THE_REST), "the rest of the pack is on the phone", pause=0.3)

    def unlocks(self, words: str | None = None, page: Page | None = None) -> None:
        page = page or self.page
        page.fill("#unlock [name=passphrase]", words or self.words)
        page.click("#unlock button[type=submit]")
        page.wait_for_selector("#unlock", state="detached")

    def fills_in_visit(self, case: UUID, *, concern: str = "none", words: str = "", notes: str = "") -> None:
        """Open the form of a new visit and say how it went; not saved yet."""
        self.opens(f"/cases/{case}/visits/new")
        self.waits_for_form()
        self.chooses("channel", "home_visit")
        self.chooses("reached", "yes")
        self.chooses("concern", concern)
        self.page.fill("[name=words]", words)
        self.page.fill("[name=notes]", notes)

    def waits_for_form(self) -> None:
        """The form is dressed: it has an id of its own."""
        expect(self.page.locator("form[data-outbox] [name=id]")).to_have_value(re.compile(r"[0-9a-f-]{36}"))

    def chooses(self, name: str, value: str) -> None:
        self.page.locator(f"label.card:has([name={name}][value={value}])").first.click()

    def adds_photo(
        self, name: str, *, caption: str = "", subject: str = "goods", consent: bool = False
    ) -> None:
        tray = self.page.locator("[data-photo-tray] > *")
        before = tray.count()
        self.page.set_input_files("[data-photos][multiple]", PHOTOS / name)
        item = tray.nth(before)
        expect(item.locator("[data-preview]")).to_have_attribute("src", re.compile("^blob:"), timeout=30_000)
        item.locator("[data-caption]").fill(caption)
        item.locator("[data-subject]").select_option(subject)
        if consent:
            item.locator("[data-consent]").check()

    def saves(self) -> str:
        """Save the form that is open; what the phone then says."""
        self.page.click("form[data-outbox] button[type=submit]:not([name])")
        panel = self.page.locator("[role=status]:has([data-time])")
        expect(panel).to_be_visible(timeout=30_000)
        expect(panel.locator("[data-time]").first).to_have_text(re.compile(r"\S"))
        return str(panel.inner_text())

    def asks_well_being(self, case: UUID, answers: list[int]) -> None:
        """Fill in a check-in; not saved yet."""
        self.opens(f"/cases/{case}/check-ins/new")
        self.waits_for_form()
        self.chooses("private", "yes")
        self.chooses("consent", "yes")
        items = self.page.locator("fieldset.item")
        assert items.count() == len(answers)
        for place, answer in enumerate(answers):
            items.nth(place).locator(f"label.card:has([value='{answer}'])").click()

    # What it says

    def outbox(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(OUTBOX)
        return found

    def waiting(self) -> int:
        return sum(row["state"] == "waiting" for row in self.outbox())

    def delivers_all(self, patience: float = 60) -> None:
        """Keeps trying, as the owner would by tapping "send now", until nothing waits."""

        def done() -> bool:
            self.page.evaluate(
                "navigator.serviceWorker.controller?.postMessage({type: 'send', pressed: true})"
            )
            return self.waiting() == 0

        until(done, f"everything is delivered: {self.outbox()}", patience=patience, pause=0.5)

    def shows(self, picture: str) -> None:
        """A picture for whoever asks for them (SUIVI_LOOK=folder)."""
        if folder := os.environ.get("SUIVI_LOOK"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{picture}.png", full_page=True)

    def is_woken_by(self, page: Page, plaintext: str) -> list[dict[str, str]]:
        """The browser hands a decrypted push to the service worker, as its push service would; what is shown then."""
        session = self.devtools(page)
        registration = self._registration(session, page)
        message = {
            "origin": self.world.address,
            "registrationId": registration,
            "data": plaintext,
        }

        def shown() -> list[dict[str, str]]:
            # A stopped worker that starts may wait for Playwright to look at it, and a push does not wait for long:
            # push services repeat themselves, and so does this one.
            session.send("ServiceWorker.deliverPushMessage", message)
            page.wait_for_timeout(1_000)
            found: list[dict[str, str]] = page.evaluate(NOTIFICATIONS)
            return found

        return until(shown, "the notification is shown", patience=30)

    def syncs_in_the_background(self) -> None:
        """What the browser does when it thinks that there is a network again, with or without an open page."""
        session = self.devtools()
        asked = {
            "registrationId": self._registration(session, self.page),
            "tag": "outbox",
            "lastChance": False,
        }
        session.send("ServiceWorker.dispatchSyncEvent", {"origin": self.world.address, **asked})

    def _registration(self, session: CDPSession, page: Page) -> str:
        """The id of the worker's registration."""
        found: list[dict[str, Any]] = []
        session.on(
            "ServiceWorker.workerRegistrationUpdated", lambda said: found.extend(said["registrations"])
        )
        session.send("ServiceWorker.enable")
        until(lambda: page.evaluate("1") and found, "the worker is registered")
        return str(found[-1]["registrationId"])

    def taps_notification(self, tag: str) -> None:
        """Tap what the worker has shown."""
        worker = next(each for each in self.context.service_workers if each.url.endswith("/sw.js"))
        worker.evaluate(
            """async (tag) => {
              const [notification] = await self.registration.getNotifications({ tag });
              const event = new NotificationEvent("notificationclick", { notification });
              // Only the browser's own events may keep a worker alive.
              const done = new Promise((resolve) => { event.waitUntil = resolve; });
              self.dispatchEvent(event);
              await done;
            }""",
            tag,
        )

    def devtools(self, page: Page | None = None) -> CDPSession:
        return self.context.new_cdp_session(page or self.page)

    def stops_its_worker(self, page: Page | None = None) -> None:
        """What a phone short of memory does to a service worker."""
        session = self.devtools(page)
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        session.detach()
