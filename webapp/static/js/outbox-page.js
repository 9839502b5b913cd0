// What the person sees of the outbox: the page /outbox, unsent work on timelines, and the numbers.

import { isUnsent, list, readBack } from "../../../service_worker/outbox.js";
import * as vault from "../../../service_worker/vault.js";
import { tell } from "./phone.js";
import { clockError } from "./today.js";
import { amount, moment, piece, put, showIf, word } from "./words.js";

const NEWEST_RECEIVED = 20;
let drawing = Promise.resolve();

/** Draw again whatever this page shows of the outbox, one drawing after the other. Resolves to how much is unsent. */
export function drawOutbox(root = document) {
  drawing = drawing.then(() => draw(root)).catch(() => 0);
  return drawing;
}

async function draw(root) {
  const opened = await vault.current();
  const { rows, problem } = await list();
  const mine = rows.filter((row) => row.person === opened?.person);
  const unsent = mine.filter(isUnsent);
  if (opened) rememberKept(rows.filter(isUnsent).length);
  for (const element of root.querySelectorAll("[data-unsent-count], [data-outbox-badge]")) {
    element.textContent = amount(unsent.length);
    showIf(element.matches("[data-unsent-count]") ? (element.closest("[data-unsent-box]") ?? element) : element, unsent.length > 0);
  }
  const error = await clockError();
  const texts = unsent.filter((row) => row.kind !== "photo" || !unsent.some(({ id }) => id === row.after));
  for (const timeline of root.querySelectorAll("[data-timeline][data-case]")) {
    // What was delivered stays in sight until the page that shows it has come, which needs somebody signed in.
    const since = Date.parse(root.querySelector("time[data-as-of][datetime]")?.dateTime ?? "");
    const isNew = (row) => row.state === "received" && row.kind !== "photo" && row.settled_at - error > since;
    await putFirst(timeline, mine.filter((row) => row.case === timeline.dataset.case && (texts.includes(row) || isNew(row))));
  }
  for (const place of root.querySelectorAll("[data-unsent]")) await putFirst(place, texts);
  const page = root.querySelector("[data-outbox-list]");
  if (page) await drawPage(root, page, { rows, mine, problem: unsent.length ? problem : null });
  return unsent.length;
}

/** How much would be lost if the browser threw this phone's storage away: a number, in the one place that stays. */
export function rememberKept(unsent) {
  document.cookie = `kept=${unsent};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
}

async function putFirst(place, rows) {
  const items = [];
  for (const row of [...rows].reverse()) items.push(await drawItem("unsent-item", row));
  for (const old of place.querySelectorAll("[data-state-name]")) old.remove();
  place.prepend(...items.filter(Boolean));
}

async function drawPage(root, page, { rows, mine, problem }) {
  const pressed = root.querySelector("[data-send-now][data-pressed]") !== null;
  const waiting = mine.filter(isUnsent);
  const received = mine.filter((row) => row.state === "received");
  const items = [];
  for (const row of [...waiting, ...received.slice(-NEWEST_RECEIVED).reverse()]) items.push(await drawItem("outbox-item", row));
  page.replaceChildren(...items.filter(Boolean));
  showIf(root.querySelector("[data-outbox-empty]"), waiting.length === 0);
  put(root, "[data-outbox-received]", amount(received.length));
  put(root, "[data-outbox-total]", amount(received.length + waiting.length));
  const others = rows.filter((row) => isUnsent(row) && !mine.includes(row)).length;
  put(root, "[data-outbox-others]", amount(others));
  showIf(root.querySelector("[data-others-box]") ?? root.querySelector("[data-outbox-others]"), others > 0);
  put(root, "[data-outbox-problem]", word(problem === "sign-in" ? "sign-in-to-send" : "no-network"));
  showIf(root.querySelector("[data-outbox-problem]"), problem === "sign-in" || (pressed && problem !== null));
  const kept = await navigator.storage?.persisted?.();
  put(root, "[data-storage]", word(kept ? "storage-kept" : "storage-may-go"));
  const { usage } = (await navigator.storage?.estimate?.()) ?? {};
  if (usage) put(root, "[data-storage-used]", megabytes(usage));
}

async function drawItem(template, row) {
  const item = piece(template);
  if (!item) return null;
  const copy = await readBack(row).catch(() => null);
  item.dataset.stateName = row.state;
  put(item, "[data-kind]", word(`kind-${row.kind}`));
  put(item, "[data-state]", word(`state-${row.state.replace(" ", "-")}`));
  put(item, "[data-time]", moment(row.made_at));
  put(item, "[data-about]", copy?.about ?? "");
  put(item, "[data-size]", megabytes(row.size));
  const reasons = Object.values(copy?.errors ?? {}).flat();
  put(item, "[data-reasons]", reasons.join(" "));
  showIf(item.querySelector("[data-reasons]"), reasons.length > 0);
  const link = item.querySelector("a[data-open]");
  if (link && row.state === "needs attention" && copy?.path) {
    link.href = `${copy.path}#correct=${row.id}`;
    link.hidden = false;
  }
  return item;
}

// Never "0": something is there.
const megabytes = (bytes) => `${amount(Math.max(bytes / 1e6, 0.01), 2)} ${word("bytes-mb")}`;

export function startOutboxPage() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-send-now]");
    if (!button) return;
    button.dataset.pressed = "";
    tell({ type: "send", pressed: true });
  });
}
