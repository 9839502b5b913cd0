// Carry it by hand: what waits on this phone as files that a colleague takes to a place with network. It stays sealed.

import { list, toBase64url } from "../../../service_worker/outbox.js";
import * as store from "../../../service_worker/store.js";
import { amount, piece, put, showIf, word } from "./words.js";

// Small enough for a message; the desk takes them in any order.
const LARGEST = 12e6;
const HEADING = JSON.stringify({ suivi: "outbox", version: 1 });

/** Ready the section of the page that makes the files. */
export async function startCarrying() {
  const section = document.querySelector("[data-carry]");
  const due = async () => (await list()).rows.filter(({ state, owed }) => state === "waiting" || state === "sending" || owed);
  showIf(section, (await due()).length > 0);
  section.querySelector("button").addEventListener("click", async () => {
    const rows = await due();
    const files = await filesOf(rows);
    put(section, "[data-carried]", amount(rows.length));
    const items = files.map((file, index) => item(file, files.length > 1 ? ` ${amount(index + 1)}/${amount(files.length)}` : ""));
    section.querySelector("ul").replaceChildren(...items);
    showIf(section.querySelector("[data-files]"), true);
  });
}

/** Texts first: whoever brings only the first file has brought what matters most. */
async function filesOf(rows) {
  const files = [];
  let lines = [HEADING];
  let size = 0;
  const close = () => {
    // Plain text by its name: phones hand over no other kind of unknown file.
    files.push(new File([lines.join("\n")], `suivi-${new Date().toISOString().slice(0, 10)}-${files.length + 1}.txt`, { type: "text/plain" }));
    lines = [HEADING];
    size = 0;
  };
  for (const row of [...rows].sort((a, b) => (a.kind === "photo") - (b.kind === "photo"))) {
    const { sealed } = await store.read(["sealed"], (tables) => tables.sealed.get(row.id));
    const line = JSON.stringify({ id: row.id, kind: row.kind, key: row.key, digest: row.digest, sealed: toBase64url(sealed) });
    if (size && size + line.length > LARGEST) close();
    lines.push(line);
    size += line.length;
  }
  close();
  return files;
}

function item(file, which) {
  const made = piece("carried-file");
  const link = made.querySelector("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  put(made, "[data-size]", `${which} ${amount(Math.max(file.size / 1e6, 0.01), 2)} ${word("bytes-mb")}`);
  const share = made.querySelector("button");
  showIf(share, Boolean(navigator.canShare?.({ files: [file] })));
  share.addEventListener("click", () => navigator.share({ files: [file] }).catch(() => {}));
  return made;
}
