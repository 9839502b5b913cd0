// The days on a kept /today: put under the heading of today's date, whenever the page was made.

import * as store from "../../../service_worker/store.js";

const DAY = 86_400_000;
const WRONG_CLOCK = 3_600_000;

export async function sortByDay(root) {
  const rows = [...root.querySelectorAll("[data-due]")];
  if (!rows.length) return;
  const now = await rightNow();
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  for (const row of rows) {
    const bucket = root.querySelector(`[data-bucket="${bucketOf((Date.parse(row.dataset.due) - today) / DAY)}"] [data-rows]`);
    if (bucket && row.parentElement !== bucket) bucket.append(row);
  }
  let shown = 0;
  for (const bucket of root.querySelectorAll("[data-bucket]")) {
    const count = bucket.querySelectorAll("[data-due]").length;
    // What comes later than a week is kept for the days to come, not shown today.
    bucket.hidden = count === 0 || bucket.dataset.bucket === "later";
    shown += bucket.hidden ? 0 : count;
    for (const number of bucket.querySelectorAll("[data-bucket-count]")) number.textContent = String(count);
  }
  for (const empty of root.querySelectorAll("[data-nothing-due]")) empty.hidden = shown > 0;
}

/** The present moment, by the server's clock where this phone's is far from it. */
export async function rightNow() {
  return new Date(Date.now() - (await clockError()));
}

/** By how much this phone's clock is wrong, if that matters to anybody. */
export async function clockError() {
  const { error_ms: error = 0 } = (await store.recall("clock").catch(() => null)) ?? {};
  return Math.abs(error) > WRONG_CLOCK ? error : 0;
}

/** The heading for something due in so many days. */
export function bucketOf(days) {
  if (days < 0) return "overdue";
  if (days === 0) return "today";
  return days <= 7 ? "week" : "later";
}
