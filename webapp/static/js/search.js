// Search in a kept list: rows that lack a typed word are hidden.

import { fold } from "./fold.js";
import { head, put, showIf } from "./words.js";

export function startSearch() {
  addEventListener("input", ({ target }) => target.matches?.("[data-find-input]") && filter(document, target.value));
  addEventListener("submit", (event) => {
    const input = event.target.querySelector?.("[data-find-input]");
    // The whole list is here: no name need go into an address, which the browser would remember.
    if (!input || head("suivi-phone")?.content !== "kept") return;
    event.preventDefault();
    filter(document, input.value);
    input.blur();
  });
}

/** A list that came from the phone shows what the address asks for. */
export function dressSearch(root) {
  const input = root.querySelector("[data-find-input]");
  const asked = new URLSearchParams(location.search).get(input?.name);
  if (!input || !asked || !root.querySelector("[data-find]")) return;
  input.value = asked;
  filter(root, asked);
}

function filter(root, typed) {
  const words = fold(typed).split(" ").filter(Boolean);
  let left = 0;
  for (const row of root.querySelectorAll("[data-find]")) {
    row.hidden = !words.every((each) => row.dataset.find.includes(each));
    if (!row.hidden) left += 1;
  }
  showIf(root.querySelector("[data-find-none]"), left === 0);
  put(root, "[data-find-count]", String(left));
}
