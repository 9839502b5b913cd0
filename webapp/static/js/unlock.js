// Locking and unlocking: the unlock page, the lock button, the idle lock and signing out.

import * as store from "../../../service_worker/store.js";
import * as vault from "../../../service_worker/vault.js";
import { ask, tell, whenTold } from "./phone.js";
import { care, head, showIf, word } from "./words.js";

const LOOK_EVERY = 20_000;
let leaving = false;
let told = 0;

/** Bring this page behind the lock; afterwards the person comes back to it. */
export function toUnlock() {
  // The phone's check knows nobody: it stays where it is.
  if (leaving || head("suivi-phone").content === "check") return;
  leaving = true;
  vault.hold(null);
  location.replace(`/unlock?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
}

/** The page that asks for the passphrase. */
export function startUnlockPage() {
  const form = document.getElementById("unlock");
  if (!form) return;
  const error = form.querySelector("[data-error]");
  const say = (name) => {
    error.textContent = word(name);
    showIf(error, true);
  };
  if (location.hash === "#signed-out") say("signed-out-offline");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { passphrase } = form.elements;
    say("opening");
    const opened = await vault.unlock(passphrase.value);
    if (!opened) {
      say("wrong-passphrase");
      passphrase.select();
      return;
    }
    await enter(opened);
  });
  // Who chose a PIN or a fingerprint has what they open with on this phone.
  vault.all().then((vaults) => vaults.some(({ pin, passkey }) => pin || passkey) && care().then(({ startDoor }) => startDoor(vault.hold, enter)));
  let sure = false;
  document.querySelector("[data-forget-vault]")?.addEventListener("click", async () => {
    if (!sure) {
      sure = true;
      say("forget-vault-sure");
      return;
    }
    leaving = true;
    const current = await store.recall("current");
    // Without a vault the server answers: the session of who forgot the words must end, or whoever holds the phone has it.
    await ask({ type: "lock", signingOut: true });
    if (current) await ask({ type: "forget", person: current.person });
    document.cookie = "kept=;path=/;max-age=0";
    await toDoor();
  });
}

async function enter(opened) {
  await ask({ type: "key", key: opened });
  tell({ type: "pack", pressed: true });
  leave();
}

function leave() {
  const next = new URLSearchParams(location.search).get("next");
  if (location.pathname !== "/unlock") return location.reload();
  const target = new URL(next ?? "/today", location.origin);
  return location.replace(target.origin === location.origin ? target.href : "/today");
}

/** On every page with an open vault: lock when nobody has touched the phone for a while. */
export function watchIdle() {
  const seen = () => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    vault.touch();
    tell({ type: "seen", at: told });
  };
  for (const type of ["pointerdown", "keydown", "scroll"]) addEventListener(type, seen, { passive: true, capture: true });
  const look = async () => {
    if (document.visibilityState === "hidden" || !vault.inHand()) return;
    if (!(await vault.current())) {
      await ask({ type: "lock" });
      toUnlock();
    }
  };
  setInterval(look, LOOK_EVERY);
  document.addEventListener("visibilitychange", look);
  // A page that comes back from the browser's memory must not show what was locked meanwhile.
  addEventListener("pageshow", ({ persisted }) => persisted && look());
}

export function startLocking() {
  whenTold("locked", toUnlock);
  document.addEventListener("click", async ({ target }) => {
    if (!target.closest?.("[data-lock]")) return;
    await ask({ type: "lock" });
    toUnlock();
  });
  addEventListener("submit", (event) => event.target.matches?.("form[data-sign-out]") && signOut(event), { capture: true });
}

/** Keys first, then the server; without a network the phone is locked all the same and the rest follows later. */
async function signOut(event) {
  if (!navigator.serviceWorker.controller) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  leaving = true;
  vault.hold(null);
  await ask({ type: "lock", signingOut: true });
  if (!(await store.recall("current"))) HTMLFormElement.prototype.submit.call(event.target);
  else await toDoor();
}

/** To the page to sign in, where the server can be reached; to the locked phone otherwise. */
async function toDoor() {
  location.replace((await ask({ type: "sign-out" })) ? "/sign-in" : "/unlock#signed-out");
}
