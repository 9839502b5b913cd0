// WebCrypto without its waiting, for schedules by the thousand whose subject is the outbox: the same ciphers, done at once
// instead of on another thread, and one key pair for every seal. What is sealed is told apart by the salt in its header.

import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";

const { subtle } = globalThis.crypto;
const real = {};
for (const name of ["importKey", "generateKey", "exportKey", "deriveBits", "sign", "encrypt", "decrypt", "digest"]) {
  real[name] = subtle[name].bind(subtle);
}
const raws = new WeakMap();
const points = new Map();
const QUICK = new Set(["HMAC", "AES-GCM"]);
const shared = new Uint8Array(32).fill(7);
const nameOf = (how) => (how.name ?? how).toUpperCase();
const bytesOf = (view) => Buffer.from(ArrayBuffer.isView(view) ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view);
const bufferOf = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

/** Put the quick ciphers in place of the browser's. */
export async function useQuickCrypto() {
  const pair = await real.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const point = await real.exportKey("raw", pair.publicKey);
  const quick = {
    async importKey(format, data, how, extractable, uses) {
      if (format !== "raw" || !QUICK.has(nameOf(how))) {
        const known = format === "raw" && nameOf(how) === "ECDH" && bytesOf(data).toString("base64");
        if (!known) return real.importKey(format, data, how, extractable, uses);
        if (!points.has(known)) points.set(known, await real.importKey(format, data, how, extractable, uses));
        return points.get(known);
      }
      const key = Object.freeze({ type: "secret", algorithm: how, usages: uses });
      raws.set(key, bytesOf(data));
      return key;
    },
    generateKey: async (how, ...rest) => (nameOf(how) === "ECDH" ? pair : real.generateKey(how, ...rest)),
    exportKey: async (format, key) => (key === pair.publicKey ? point.slice(0) : real.exportKey(format, key)),
    deriveBits: async (how, ...rest) => (nameOf(how) === "ECDH" ? shared.buffer.slice(0) : real.deriveBits(how, ...rest)),
    sign: async (_how, key, data) => bufferOf(createHmac("sha256", raws.get(key)).update(bytesOf(data)).digest()),
    digest: async (_how, data) => bufferOf(createHash("sha256").update(bytesOf(data)).digest()),
    async encrypt(how, key, data) {
      if (!raws.has(key)) return real.encrypt(how, key, data);
      const { iv, additionalData = new Uint8Array(0) } = how;
      const cipher = createCipheriv("aes-256-gcm", raws.get(key), bytesOf(iv)).setAAD(bytesOf(additionalData));
      return bufferOf(Buffer.concat([cipher.update(bytesOf(data)), cipher.final(), cipher.getAuthTag()]));
    },
    async decrypt(how, key, data) {
      if (!raws.has(key)) return real.decrypt(how, key, data);
      const { iv, additionalData = new Uint8Array(0) } = how;
      const bytes = bytesOf(data);
      const opener = createDecipheriv("aes-256-gcm", raws.get(key), bytesOf(iv)).setAAD(bytesOf(additionalData));
      opener.setAuthTag(bytes.subarray(-16));
      try {
        return bufferOf(Buffer.concat([opener.update(bytes.subarray(0, -16)), opener.final()]));
      } catch {
        throw new DOMException("does not open", "OperationError");
      }
    },
  };
  for (const [name, does] of Object.entries(quick)) Object.defineProperty(subtle, name, { value: does, configurable: true });
  // Zipping waits for another thread as well; finish.test.js looks at it.
  globalThis.CompressionStream = undefined;
}
