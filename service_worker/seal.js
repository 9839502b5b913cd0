// Sealing to the server's public key (HPKE, RFC 9180): what is sealed here, the phone itself cannot open again.

import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";

/** enc ‖ ciphertext; `info` binds them to what they are (kind and id). */
export async function sealToServer(publicKey, info, bytes) {
  const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
  const recipient = await suite.DeserializePublicKey(new Uint8Array(publicKey));
  const options = { info: new TextEncoder().encode(info) };
  const { encapsulatedSecret, ciphertext } = await suite.Seal(recipient, new Uint8Array(bytes), options);
  const sealed = new Uint8Array(encapsulatedSecret.length + ciphertext.length);
  sealed.set(encapsulatedSecret);
  sealed.set(ciphertext, encapsulatedSecret.length);
  return sealed.buffer;
}
