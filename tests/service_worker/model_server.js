// A server in memory that keeps the contract of docs/design.md, and counts what a bad phone would make it do.

const PART = 32_768;

const json = (content, status = 200) =>
  new Response(JSON.stringify(content), { status, headers: { "Content-Type": "application/json" } });

export class ModelServer {
  constructor({ now = Date.now } = {}) {
    this.now = now;
    this.lineage = "first";
    this.kept = new Map(); // id → {digest, outcome, number}
    this.parts = new Map(); // id → Map of part → length
    this.contested = [];
    this.outcomes = new Map(); // id → what this server will say of it
    this.requests = [];
    this.number = 0;
  }

  /** An old backup is put back: whatever came after it is gone, and the lineage is another one. */
  restore() {
    this.kept = new Map();
    this.parts = new Map();
    this.lineage = `restored-${this.lineage}`;
  }

  answer(path, options = {}) {
    this.requests.push({ path, ...options });
    if (options.headers?.Authorization !== "Bearer phone-pass") return new Response("", { status: 401 });
    const url = new URL(path, "https://suivi.example");
    if (url.pathname === "/outbox/submissions") return this.#texts(JSON.parse(options.body).submissions);
    const [, id, , part] = url.pathname.match(/^\/outbox\/photos\/([^/]+)(\/parts\/(\d+))?$/);
    return this.#photo(id, url.searchParams, part, options.body);
  }

  #texts(submissions) {
    if (submissions.length > 100) return new Response("", { status: 413 });
    return this.#receipts(submissions.map(({ id, kind, digest }) => this.#settle(id, kind, digest)));
  }

  #photo(id, query, part, body) {
    const digest = query.get("digest");
    if (this.kept.get(id)?.digest === digest) return this.#receipts([this.#settle(id, "photo", digest)]);
    const parts = this.parts.get(id) ?? new Map();
    if (part === undefined) return json({ id, digest, have: [...parts.keys()] });
    this.parts.set(id, parts.set(Number(part), body.byteLength));
    const total = Number(query.get("of"));
    const whole = parts.size === total && [...parts].every(([n, length]) => n === total - 1 || length === PART);
    return whole ? this.#receipts([this.#settle(id, "photo", digest)]) : json({ id, digest, have: [...parts.keys()] });
  }

  #settle(id, kind, digest) {
    const known = this.kept.get(id);
    if (known && known.digest !== digest) {
      this.contested.push({ id, digest });
      return { id, digest, outcome: "contested", number: known.number };
    }
    if (!known) {
      const outcome = this.outcomes.get(id) ?? "accepted";
      if (outcome === "later") {
        this.outcomes.delete(id);
        return { id, digest, outcome };
      }
      this.kept.set(id, { kind, digest, outcome, number: (this.number += 1) });
    }
    const { outcome, number } = this.kept.get(id);
    const errors = outcome === "needs attention" ? { visited_at: ["Cette date est dans le futur."] } : {};
    return { id, digest, outcome, number, received_at: "2026-11-23T14:02:00Z", errors };
  }

  #receipts(receipts) {
    return json({ receipts, lineage: this.lineage, server_time: new Date(this.now()).toISOString() });
  }
}
