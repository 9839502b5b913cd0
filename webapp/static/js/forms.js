// Forms that go through the outbox: filled in without a network, said to be saved only when they are.

import * as store from "../../../service_worker/store.js";
import { finish } from "../../../service_worker/finish.js";
import { readBack } from "../../../service_worker/outbox.js";
import * as vault from "../../../service_worker/vault.js";
import { isMore, thousandths } from "./amounts.js";
import { draft, dropDraft, keepDraft } from "./drafts.js";
import { addPhoto, allReady, consentIsGiven, photosOf, takePhotos } from "./photos.js";
import { tell } from "./phone.js";
import { rightNow } from "./today.js";
import { bar, head, moment, piece, put, showIf, word } from "./words.js";

const OUTBOX = "form[data-outbox]";
const PHOTO_PATIENCE = 20_000;
const corrected = new WeakMap();
let timer;

/** Through the outbox only with an open vault and a worker; otherwise the browser posts as it always did. */
const isReady = () => Boolean(navigator.serviceWorker.controller && vault.isOpen());

export function startForms() {
  addEventListener("submit", onSubmit, { capture: true });
  addEventListener("input", ({ target }) => {
    if (!target.form?.matches(OUTBOX)) return;
    changed(target.form);
    forgive(target);
    warnWhenOver(target.form);
  });
  addEventListener("click", ({ target }) => {
    if (!target.matches?.("[data-photos]") || !target.form) return;
    // Phones short of memory end the browser behind the camera, and a long look through it is no rest.
    if (target.form.matches("[data-dirty]")) keep(target.form);
    const at = Date.now() + vault.CAMERA_PASS;
    vault.touch(at);
    tell({ type: "seen", at });
  });
  addEventListener("change", ({ target }) => {
    if (target.form?.matches(OUTBOX) && target.form.matches("[data-dirty]")) keep(target.form);
    if (target.matches?.("[data-photos]") && target.files?.length && isReady()) takePhotos(target, () => changed(target.form));
    else if (target.closest?.(`${OUTBOX} [data-photo-tray]`)) changed(target.closest(OUTBOX));
  });
  addEventListener("reset", ({ target }) => {
    if (!target.matches?.(OUTBOX)) return;
    dropDraft();
    setTimeout(open, 0, target);
  });
  document.addEventListener("visibilitychange", () => {
    const form = document.querySelector(`${OUTBOX}[data-dirty]`);
    if (document.visibilityState === "hidden" && form) keep(form);
  });
}

/** A form comes onto the page: a new id, the present time, and whatever was typed before. */
export async function dressForms(root) {
  for (const form of root.querySelectorAll(OUTBOX)) {
    form.noValidate = true;
    // Otherwise the browser writes what is typed, readable, into its own files, to restore the page after a crash.
    form.autocomplete = "off";
    for (const control of form.elements) if (control.autocomplete !== undefined) control.autocomplete = "off";
    await open(form);
    if (!isReady()) continue;
    const id = location.hash.match(/^#correct=([0-9a-f-]{36})$/)?.[1];
    if (id) await fillForCorrection(form, id);
    const kept = await draft();
    if (kept) {
      fill(form, kept.fields);
      // The text of this visit is on its way already; only its photos are left.
      if (kept.saved) form.elements.id.value = form.dataset.textSaved = kept.saved;
      for (const photo of kept.photos) addPhoto(form, photo, () => changed(form));
      form.dataset.dirty = "";
      note(form, word(kept.saved ? "photos-wait" : "draft-restored"));
      form.elements.namedItem(kept.at)?.focus?.();
    }
    warnWhenOver(form);
  }
}

async function open(form) {
  // A kept form is opened many times: the id belongs to this opening, never to the page.
  form.elements.id.value = crypto.randomUUID();
  delete form.dataset.dirty;
  delete form.dataset.textSaved;
  const now = await rightNow();
  const local = new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  for (const input of form.querySelectorAll("input[type=datetime-local]")) input.value = local;
}

async function fillForCorrection(form, id) {
  const row = await store.read(["outbox"], ({ outbox }) => outbox.byId(id));
  const copy = row && row.state === "needs attention" ? await readBack(row) : null;
  if (!copy) return;
  corrected.set(form, { id, photos: copy.photos });
  fill(form, copy.fields);
  for (const [name, sentences] of Object.entries(copy.errors)) showError(form, name, sentences.join(" "));
}

function fill(form, fields) {
  const values = new Map();
  for (const [name, value] of fields) if (name !== "id") values.set(name, [...(values.get(name) ?? []), value]);
  for (const control of form.elements) {
    if (!control.name || control.name === "id" || control.type === "file") continue;
    const given = values.get(control.name) ?? [];
    if (control.type === "checkbox" || control.type === "radio") control.checked = given.includes(control.value);
    else if (control.multiple) for (const option of control.options) option.selected = given.includes(option.value);
    else if (given.length) control.value = given[0];
  }
}

/** What is answered anew is wrong no more. */
function forgive(control) {
  control.closest("fieldset, .field")?.querySelector("[data-shown-error]")?.remove();
  control.removeAttribute("aria-invalid");
}

/** A payment request that asks for more than is left, as far as this phone knows; the server decides. */
function warnWhenOver(form) {
  const { available, availableIn, availableLocally, locallyIn } = form.dataset;
  const { amount, currency } = form.elements;
  for (const control of form.querySelectorAll("[data-needed-if]")) {
    control.required = control.dataset.neededIf.split("&").every((each) => form.querySelector(each));
  }
  if (available === undefined || !amount || !currency) return;
  // Told now, while the person is here, not hours later when the server reads it.
  amount.setCustomValidity(!amount.value || thousandths(amount.value) ? "" : "?");
  const left = { [locallyIn]: availableLocally, [availableIn]: available }[currency.value];
  showIf(form.querySelector("[data-over]"), left !== undefined && isMore(amount.value, left));
}

function changed(form) {
  form.dataset.dirty = "";
  clearTimeout(timer);
  timer = setTimeout(keep, 500, form);
}

function keep(form) {
  clearTimeout(timer);
  if (form.isConnected && !form.dataset.saving && isReady()) keepNow(form);
}

function keepNow(form) {
  const said = { fields: fieldsOf(form), at: form.contains(document.activeElement) ? document.activeElement.name : "", saved: form.dataset.textSaved };
  keepDraft(said, photosOf(form)).catch(() => {});
}

const fieldsOf = (form) => [...new FormData(form)].filter(([, value]) => typeof value === "string");

async function onSubmit(event) {
  const form = event.target;
  if (!form.matches?.(OUTBOX) || !isReady()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  // A second tap finds the first one at work.
  if (form.dataset.saving) return;
  form.dataset.saving = "";
  try {
    const { submitter } = event;
    // "Not today" asks for no answers.
    if (!submitter?.formNoValidate && (!isFilledIn(form) || !consentIsGiven(form))) return;
    await Promise.race([allReady(form), new Promise((resolve) => void setTimeout(resolve, PHOTO_PATIENCE))]);
    if (!(await vault.current())) {
      location.reload(); // Locked meanwhile; the draft is waiting behind the lock.
      return;
    }
    const work = workOf(form);
    if (submitter?.name) work.fields.push([submitter.name, submitter.value]);
    const rows = await finish(work);
    clearTimeout(timer);
    const waits = rows.length <= work.photos.length;
    if (waits) photosWait(form);
    else {
      await dropDraft().catch(() => {});
      showSaved(form, rows);
    }
    tell({ type: "send", pressed: true });
    navigator.serviceWorker.ready.then(({ sync }) => sync?.register("outbox")).catch(() => {});
    navigator.storage?.persist?.();
  } catch (error) {
    note(form, word(error?.name === "QuotaExceededError" ? "no-space" : "not-saved"));
  } finally {
    delete form.dataset.saving;
  }
}

/** The text is kept, its photos have no room yet: they stay here, and saving again adds them to the same visit. */
function photosWait(form) {
  form.dataset.textSaved = form.elements.id.value;
  keepNow(form);
  note(form, word("photos-wait"));
}

function workOf(form) {
  const before = corrected.get(form);
  const slots = before?.photos ?? 0;
  const photos = photosOf(form).map((photo, place) => ({ ...photo, slot: slots + place }));
  const fields = fieldsOf(form).filter(([name]) => name !== "photos_announced");
  if (form.querySelector("[data-photo-tray]")) fields.push(["photos_announced", String(slots + photos.length)]);
  return {
    id: form.elements.id.value,
    kind: form.dataset.outbox,
    case: form.dataset.case,
    about: form.dataset.about ?? "",
    path: location.pathname,
    build: head("suivi-build")?.content ?? "",
    supersedes: before?.id ?? null,
    fields,
    photos,
    slots: slots + photos.length,
  };
}

function isFilledIn(form) {
  for (const shown of form.querySelectorAll("[data-shown-error]")) shown.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  const wrong = [...form.elements].filter((control) => control.willValidate && control.name && !control.validity.valid);
  const names = new Set(wrong.map(({ name }) => name));
  for (const name of names) {
    const control = wrong.find((each) => each.name === name);
    showError(form, name, control.dataset.requiredWord && control.validity.valueMissing ? control.dataset.requiredWord : word(reason(control.validity)));
  }
  wrong[0]?.focus();
  return names.size === 0;
}

function reason(validity) {
  if (validity.valueMissing) return "required";
  if (validity.tooLong) return "too-long";
  return validity.rangeOverflow || validity.rangeUnderflow ? "out-of-range" : "invalid";
}

function showError(form, name, sentence) {
  const found = form.elements.namedItem(name);
  const control = found?.length && !found.options ? found[0] : found;
  const message = errorPiece(sentence);
  if (!control || control.type === "hidden") {
    form.prepend(message);
    return;
  }
  control.setAttribute("aria-invalid", "true");
  message.id = `${name}-phone-error`;
  control.setAttribute("aria-describedby", message.id);
  (control.closest("fieldset, .field") ?? control.parentElement).append(message);
}

function note(form, sentence) {
  for (const shown of form.querySelectorAll(":scope > [data-shown-error]")) shown.remove();
  const message = errorPiece(sentence);
  form.prepend(message);
  message.scrollIntoView({ block: "nearest" });
}

function errorPiece(sentence) {
  const message = piece("field-error") ?? document.createElement("p");
  message.textContent = sentence;
  message.dataset.shownError = "";
  return message;
}

function showSaved(form, rows) {
  const panel = piece("saved") ?? bar("saved");
  if (!panel) return;
  const photos = rows.length - 1;
  put(panel, "[data-time]", moment(rows[0].made_at));
  put(panel, "[data-photo-count]", String(photos));
  showIf(panel.querySelector("[data-photo-count]")?.parentElement, photos > 0);
  for (const link of panel.querySelectorAll("a[data-back]")) link.href = form.dataset.back ?? `/cases/${form.dataset.case}`;
  form.replaceWith(panel);
  panel.setAttribute("role", "status");
  const title = panel.querySelector("[tabindex]") ?? panel;
  title.focus({ preventScroll: true });
  scrollTo(0, 0);
}
