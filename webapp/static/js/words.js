// Words and pieces of page: all of them come out of what the server rendered, in the person's language.

const lang = globalThis.document?.documentElement.lang;
// Digits and hours as the server writes them, whatever this phone would choose for the language.
const written = `${lang}-u-nu-latn-hc-h23`;

// Fields of forms have ids of their own, so only templates are asked.
const template = (id) => document.querySelector(`template#${id}`);

/** A word of the page, or nothing when the page does not offer it. */
export const word = (name) => template("phone-words")?.content.querySelector(`[data-word="${name}"]`)?.textContent ?? "";

/** A fresh copy of a template's first element, or null when the page does not offer it. */
export const piece = (id) => template(id)?.content.firstElementChild.cloneNode(true) ?? null;

/** Set the text of everything under `root` that matches. */
export function put(root, selector, text) {
  for (const element of root.querySelectorAll(selector)) element.textContent = text;
}

export function showIf(element, wanted) {
  if (element) element.hidden = !wanted;
}

/** 14:02 today, otherwise with its day. */
export function moment(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(written, { ...day, hour: "2-digit", minute: "2-digit" }).format(date);
}

export const amount = (number, digits = 0) => new Intl.NumberFormat(written, { maximumFractionDigits: digits }).format(number);

/** What the head of this page says about the phone. */
export const head = (name) => document.querySelector(`meta[name="${name}"]`);

/** The element that brought this script; its data say where further scripts are. */
export const script = () => document.querySelector("script[data-exchange]");

/** What a phone needs now and then only: fetched where it is used. */
export const care = () => import(script().dataset.care);

/** Put a bar on top of the page, once. */
export function bar(id) {
  if (document.querySelector(`[data-bar="${id}"]`)) return null;
  const made = piece(id);
  if (!made) return null;
  made.dataset.bar = id;
  (document.querySelector("[data-bars]") ?? document.body).prepend(made);
  return made;
}
