// The start of every page: what it needs is woken here, and nothing else happens here.

import * as vault from "../../../service_worker/vault.js";
import { enrolWhenDue, keepAssets, welcome } from "./enrol.js";
import { dressForms, startForms } from "./forms.js";
import { drawOutbox, startOutboxPage } from "./outbox-page.js";
import { canKeep, listen, register, tell, whenTold } from "./phone.js";
import { dressSearch, startSearch } from "./search.js";
import { clockError, rightNow, sortByDay } from "./today.js";
import { startLocking, startUnlockPage, toUnlock, watchIdle } from "./unlock.js";
import { watchForUpdates } from "./update.js";
import { bar, care, head, moment, put, script } from "./words.js";

const SEND_EVERY = 30_000;

/** Wake what this page needs. */
export function startPage() {
  const phone = head("suivi-phone");
  startSearch();
  dress(document);
  if (phone && canKeep()) start(phone);
  else if (document.querySelector("[data-push]")) {
    startAlerts();
    // Who carries no pack keeps nothing on this phone; alerts may wake it all the same.
    if (navigator.serviceWorker) register();
  }
}

async function start({ content: kind, dataset: { person } }) {
  listen();
  const isDressed = watchForNews(kind);
  startForms();
  startLocking();
  startOutboxPage();
  startAlerts();
  if (kind === "unlock") startUnlockPage();
  const registration = await register();
  watchForUpdates(registration);
  keepSending();
  if (kind === "check") (await care()).startPhoneCheck();
  if (kind === "unlock" || kind === "check") return;
  if (kind === "enrol") await welcome(person, toUnlock);
  if (!(await vault.current())) {
    // A kept page without a key is a page that was locked behind its back.
    if (kind === "kept") toUnlock();
    return;
  }
  watchIdle();
  if (await clockError()) await warnOfClock();
  await dressKept(document);
  isDressed();
  if (kind === "kept") {
    keepAssets();
    await enrolWhenDue();
  }
}

/** Hear from the first moment what the worker says. Returns what to call once the page is dressed: newer copies wait for that. */
function watchForNews(kind) {
  let isDressed;
  const dressed = new Promise((resolve) => void (isDressed = resolve));
  whenTold("outbox", () => drawOutbox());
  whenTold("signed-out", () => bar("signed-out-bar"));
  if (kind === "kept") {
    whenTold("pack", ({ lists }) => lists && document.querySelector("[data-find], [data-due]") && dressed.then(showNewer));
    whenTold("kept", ({ url }) => url === location.pathname && dressed.then(showNewer));
  }
  return isDressed;
}

/** The buttons of the page of alerts. */
function startAlerts() {
  document.addEventListener("click", ({ target }) => {
    const section = target.closest?.("[data-push]");
    if (target.closest?.("[data-push-subscribe]")) care().then(({ subscribe }) => subscribe(section));
    if (target.closest?.("[data-push-test]")) care().then(({ tryIt }) => tryIt(section));
  });
}

/** What a page gets whether or not this phone keeps anything. */
function dress(root) {
  exchangeParts(root);
  dressSearch(root);
  sortByDay(root);
  dressQuestions(root);
  for (const time of root.querySelectorAll("time[data-as-of][datetime]")) time.textContent = moment(time.dateTime);
  for (const link of document.querySelectorAll("nav a[href]")) {
    const here = location.pathname === link.pathname || location.pathname.startsWith(`${link.pathname}/`);
    if (here && link.pathname !== "/") link.setAttribute("aria-current", "page");
  }
}

/** Where a link or form would exchange a part of the page, fetch what does it; until then, and without it, they work as usual. */
async function exchangeParts(root) {
  if (!root.querySelector("[hx-get], [hx-post]")) return;
  await import(script().dataset.exchange).catch(() => {});
  globalThis.htmx?.process(root.body ?? root);
}

/** A questionnaire works as it is; what makes it lighter to give comes with a file of its own. */
async function dressQuestions(root) {
  if (!root.querySelector("form[data-instrument]")) return;
  const { dressInstruments } = await import(script().dataset.questions).catch(() => ({}));
  dressInstruments?.(root);
}

async function dressKept(root) {
  await dressForms(root);
  await drawOutbox();
}

/** Whatever wakes this page is a reason to try: what the browser says of the network is only a hint. */
function keepSending() {
  const send = (pressed) => document.visibilityState === "visible" && tell({ type: "send", pressed });
  send(true);
  addEventListener("online", () => send(true));
  document.addEventListener("visibilitychange", () => send(false));
  setInterval(send, SEND_EVERY, false);
}

/** Which time this phone says, and which Suivi counts with. */
async function warnOfClock() {
  const shown = bar("wrong-clock");
  if (!shown) return;
  put(shown, "[data-said]", moment(Date.now()));
  put(shown, "[data-true]", moment(await rightNow()));
}

/** A newer copy of this page came: show it, unless somebody is writing on the old one. */
async function showNewer() {
  if (document.querySelector("form[data-dirty], dialog[open], [data-bar=saved]") || document.activeElement?.form) return;
  const response = await fetch(location.pathname, { headers: { "X-Kept": "1" } });
  if (!response.ok) return;
  const newer = new DOMParser().parseFromString(await response.text(), "text/html");
  const [now, next] = [document.querySelector("main"), newer.querySelector("main")];
  if (newer.querySelector("meta[name=suivi-phone]")?.content !== "kept" || !now || !next) return;
  now.replaceWith(document.adoptNode(next));
  dress(next);
  await dressKept(next);
}
