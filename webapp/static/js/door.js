// The other ways through the unlock page: a PIN while its key is still in memory, and a passkey.

import * as vault from "../../../service_worker/vault.js";
import { openByPasskey, openByPin, rest } from "./openers.js";
import { ask } from "./phone.js";
import { amount, showIf } from "./words.js";

/** Put them above the words, as far as they can open something here. `enter` goes on with an opened vault, `hold` keeps what waits for a PIN. */
export async function startDoor(hold, enter) {
  vault.askElsewhere(() => ask({ type: "key?" }, 1_000));
  const page = await theirPage();
  const door = page?.querySelector("template#door")?.content.firstElementChild;
  if (!door) return;
  document.getElementById("unlock").before(door);
  const words = page.querySelector("template#phone-words").content;
  await offerPin(door.querySelector("[data-by-pin]"), words, hold, enter);
  offerPasskey(door.querySelector("[data-by-passkey]"), enter);
}

async function offerPin(form, words, hold, enter) {
  const found = await rest();
  if (found) hold({ person: found.person, rest: found });
  showIf(form, Boolean(found));
  // Another page made the fifth mistake.
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data.type !== "drop") return;
    hold(null);
    showIf(form, document.activeElement?.form === form);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { pin } = form.elements;
    const error = form.querySelector("[data-pin-error]");
    const opened = await openByPin(pin.value);
    if (opened?.key) return enter(opened);
    pin.value = "";
    const said = (name) => words.querySelector(`[data-word="${name}"]`)?.textContent ?? "";
    error.textContent = opened ? `${said("wrong-pin")} ${amount(opened)}` : said("pin-is-gone");
    showIf(error, true);
    if (opened) return pin.focus();
    hold(null);
    for (const part of form.querySelectorAll(".field, button")) showIf(part, false);
    return document.querySelector("#unlock [name=passphrase]").focus();
  });
}

async function offerPasskey(button, enter) {
  const rows = await vault.all();
  showIf(button, Boolean(globalThis.PublicKeyCredential) && rows.some(({ passkey }) => passkey));
  button.addEventListener("click", async () => {
    // Turned away, or given up: the words are still there.
    const opened = await openByPasskey().catch(() => null);
    if (opened) enter(opened);
  });
}

/** The markup and the words of this lie in the page of the phone's check, which is kept together with this script. */
async function theirPage() {
  try {
    const response = await fetch("/phone-check", { headers: { "X-Kept": "1" } });
    return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  } catch {
    return null;
  }
}
