// Photos of a form: chosen, shrunk in a worker, described, and taken along when the form is finished.

import { piece, put, script, showIf, word } from "./words.js";

const trays = new WeakMap();
const pending = new Map();
const SURE_AFTER = 600;
let worker = null;

/** The photos of a form in their order; each has {id, bytes, caption, subject, consent}. Those that could not be read are left out. */
export const photosOf = (form) => [...(trays.get(form)?.values() ?? [])].map(described).filter(({ bytes }) => bytes);

/** Resolves when every photo of the form is ready or given up. */
export const allReady = (form) => Promise.all([...(trays.get(form)?.values() ?? [])].map(({ ready }) => ready));

/** True when every person in a photo has agreed; otherwise says so beside the photo. */
export function consentIsGiven(form) {
  const without = [...(trays.get(form)?.values() ?? [])].filter((photo) => {
    const { subject, consent } = described(photo);
    return subject === "person" && !consent;
  });
  for (const { item } of without) {
    put(item, "[data-photo-state]", word("photo-consent-missing"));
    item.classList.add("wrong");
  }
  without[0]?.item.scrollIntoView({ block: "center" });
  without[0]?.item.querySelector("[data-consent]").focus({ preventScroll: true });
  return without.length === 0;
}

/** Take chosen files out of their input and into the tray. `changed` is called whenever there is something new to keep. */
export function takePhotos(input, changed) {
  const files = [...input.files];
  input.value = "";
  for (const file of files) {
    const photo = addPhoto(input.form, { id: crypto.randomUUID() }, changed);
    if (!photo) continue;
    put(photo.item, "[data-photo-state]", word("photo-working"));
    photo.ready = shrink(photo.id, file).then(
      (bytes) => {
        show(photo, bytes);
        changed();
      },
      () => put(photo.item, "[data-photo-state]", word("photo-unreadable")),
    );
  }
}

/** Put a photo into the tray; from a draft it comes with its bytes and what was said of it. */
export function addPhoto(form, { id, bytes, caption = "", subject, consent = false }, changed) {
  const tray = form.querySelector("[data-photo-tray]");
  const item = piece("photo");
  if (!tray || !item) return null;
  if (!trays.has(form)) trays.set(form, new Map());
  const photo = { id, item, bytes: null, ready: Promise.resolve() };
  trays.get(form).set(id, photo);
  tray.append(item);
  item.querySelector("[data-caption]").value = caption;
  const choice = item.querySelector("[data-subject]");
  if (subject) choice.value = subject;
  item.querySelector("[data-consent]").checked = consent;
  const showConsent = () => showIf(item.querySelector("[data-consent-row]"), choice.value === "person");
  item.addEventListener("change", () => item.classList.remove("wrong"));
  choice.addEventListener("change", showConsent);
  showConsent();
  let asked = 0;
  item.querySelector("[data-remove]").addEventListener("click", () => {
    // A page that moved under the thumb must not cost a photo: the second tap counts, and not at once.
    asked ||= Date.now();
    if (Date.now() - asked < SURE_AFTER) {
      put(item, "[data-remove] span", word("photo-remove-sure"));
      return;
    }
    trays.get(form).delete(id);
    URL.revokeObjectURL(item.querySelector("[data-preview]").src);
    item.remove();
    changed();
  });
  if (bytes) show(photo, bytes);
  return photo;
}

function show(photo, bytes) {
  photo.bytes = bytes;
  photo.item.querySelector("[data-preview]").src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
  put(photo.item, "[data-photo-state]", word("photo-ready"));
}

function described({ id, bytes, item }) {
  const subject = item.querySelector("[data-subject]").value;
  const consent = subject === "person" && item.querySelector("[data-consent]").checked;
  return { id, bytes, subject, consent, caption: item.querySelector("[data-caption]").value.trim() };
}

function shrink(id, file) {
  if (!worker) {
    worker = new Worker(script().src);
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = pending.get(data.id);
      pending.delete(data.id);
      if (data.bytes) resolve(data.bytes);
      else reject(new Error("unreadable"));
    };
    worker.onerror = () => {
      worker = null;
      for (const { reject } of pending.values()) reject(new Error("no photo worker"));
      pending.clear();
    };
  }
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    worker.postMessage({ id, file });
  });
}
