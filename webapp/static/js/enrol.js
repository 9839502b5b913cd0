// Enrolment: this phone gets its passes, and its person a vault.

import * as store from "../../../service_worker/store.js";
import * as vault from "../../../service_worker/vault.js";
import { ask, tell } from "./phone.js";
import { bar, head, put, script, showIf, word } from "./words.js";

const DAY = 86_400_000;

/** On a page from the server: find out whose phone this is now, and make it ready to work without a network. */
export async function welcome(person, unlock) {
  const state = await ask({ type: "recognise", person });
  if (state === "locked") return unlock();
  if (state === "open") {
    keepAssets();
    return enrolWhenDue();
  }
  await sayIfEvicted();
  const enrolment = await enrol({ fresh: true });
  keepAssets(enrolment?.unlock);
  if (enrolment?.person === person) offerVault(enrolment);
  return null;
}

/** A browser short of room takes everything at once, but no cookie: it alone remembers that, and how much, was here. */
async function sayIfEvicted() {
  if (await store.recall("phone")) return;
  const [, unsent] = document.cookie.match(/(?:^|; )kept=(\d+)/) ?? [];
  if (unsent) put(bar("evicted") ?? document, "[data-lost]", unsent);
}

/** Passes and keys are renewed after each sign-in and once a day. */
export async function enrolWhenDue() {
  const [phone, current] = await store.read(["meta"], async ({ meta }) => [await meta.get("phone"), await meta.get("current")]);
  const due = !phone || phone.person !== current?.person || Math.abs(Date.now() - phone.at) > DAY || current.enrolDue;
  // Only under a session that is meant to stand; without a network this is asked again on the next page.
  if (!current || !due || !(await ask({ type: "sign-out" }))) return;
  const enrolment = await enrol();
  const opened = enrolment && (await vault.current());
  if (!opened) return;
  if (enrolment.person !== opened.person) {
    await ask({ type: "recognise", person: enrolment.person });
    location.reload();
    return;
  }
  await vault.keepAuthorPass(opened, enrolment.author_pass, enrolment.idle_lock_minutes, enrolment.key_lease_hours);
  // What is seldom needed has waited until now, so that a first day costs little; the next page brings it.
  if (phone) await store.remember("care", true);
  await vault.changeCurrent((now) => ({ ...now, enrolDue: false }));
  tell({ type: "send", pressed: true });
}

/** Ask for passes; a `fresh` phone is also given the unlock page and words to protect it, which saves it two requests. */
async function enrol({ fresh = false } = {}) {
  const id = (await store.recall("phone"))?.id ?? crypto.randomUUID();
  try {
    const response = await fetch("/phones", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ phone: id, label: navigator.userAgentData?.platform ?? navigator.platform ?? "", fresh }),
      redirect: "manual",
      signal: AbortSignal.timeout?.(20_000),
    });
    if (response.status === 401) bar("signed-out-bar");
    if (response.status === 403) await forgetCutOff();
    return response.status === 200 ? await keepPasses(id, await response.json()) : null;
  } catch {
    return null; // Asked again on the next page.
  }
}

async function keepPasses(id, enrolment) {
  await store.change(["meta"], async ({ meta }) => {
    const before = await meta.get("phone");
    const { phone_pass: pass, sealing_key, person, locale } = enrolment;
    // Only the sender moves the lineage on, after everything delivered before it is owed again.
    await meta.put({ id, pass, sealing_key, person, locale, at: Date.now(), lineage: before?.lineage ?? enrolment.lineage }, "phone");
  });
  return enrolment;
}

/** This phone was cut off: nothing of the cases may stay, sealed work stays for delivery. */
async function forgetCutOff() {
  const current = await store.recall("current");
  if (current) await ask({ type: "forget", person: current.person });
}

function offerVault(enrolment) {
  const dialog = document.getElementById("vault-setup");
  if (!dialog) return;
  const proposal = dialog.querySelector("[data-proposed-words]");
  if (!proposal.textContent.trim()) proposal.textContent = enrolment.words.join(" ");
  const form = dialog.querySelector("form");
  const error = dialog.querySelector("[data-error]");
  const setUp = async (passphrase) => {
    put(dialog, "[data-error]", word("opening"));
    showIf(error, true);
    await vault.create(enrolment.person, passphrase, { pass: enrolment.author_pass, idleMinutes: enrolment.idle_lock_minutes });
    await ask({ type: "key", key: vault.inHand() });
    dialog.close();
    tell({ type: "pack", pressed: true });
    tell({ type: "send", pressed: true });
  };
  dialog.querySelector("[data-use-words]").addEventListener("click", () => setUp(proposal.textContent));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { passphrase, again } = form.elements;
    const same = vault.plainWords(passphrase.value).join(" ") === vault.plainWords(again.value).join(" ");
    if (same && vault.isLongEnough(passphrase.value)) {
      setUp(passphrase.value);
      form.reset();
    } else {
      error.textContent = word(same ? "passphrase-too-short" : "passphrase-not-the-same");
      showIf(error, true);
    }
  });
  dialog.showModal();
}

/** Have the worker keep the public files this page says a phone needs. */
export const keepAssets = (unlock) =>
  tell({ type: "assets", urls: head("suivi-assets")?.content.split(/\s+/).filter(Boolean) ?? [], unlock, care: script().dataset.care });
