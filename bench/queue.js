// Run in an open page of the app: finish many visits as the form does, without drawing them.

import { finish } from "../service_worker/finish.js";
import * as vault from "../service_worker/vault.js";
import { ask } from "../webapp/static/js/phone.js";

const { atob, crypto } = globalThis;

/** Finish `count` visits of a case, each with this picture (base64, or null). */
export async function visits(caseId, count, picture) {
  vault.askElsewhere(() => ask({ type: "key?" }, 1_000));
  const bytes = picture && Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const visitedAt = new Date(Date.now() - 3_600_000).toISOString().slice(0, 16);
  for (let n = 0; n < count; n += 1) {
    const photo = () => ({ id: crypto.randomUUID(), slot: 0, bytes, caption: "", subject: "goods", consent: false });
    await finish({
      id: crypto.randomUUID(),
      kind: "visit",
      case: caseId,
      code: "",
      path: `/cases/${caseId}/visits/new`,
      build: "",
      supersedes: null,
      fields: [
        ["visited_at", visitedAt],
        ["channel", "home_visit"],
        ["reached", "yes"],
        ["concern", "none"],
        ["notes", `Visite numéro ${n} : la boutique tourne, deux sacs de riz vendus cette semaine.`],
        ["photos_announced", bytes ? "1" : "0"],
      ],
      photos: bytes ? [photo()] : [],
    });
  }
}
