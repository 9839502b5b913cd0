// Words folded for search, the same way as the server folds them (formats.plain).

const ARABIC = { أ: "ا", إ: "ا", آ: "ا", ٱ: "ا", ى: "ي", ئ: "ي", ؤ: "و", ة: "ه", ـ: "", ء: "" };
const TOGETHER = /[’'ʼ`]/g;

/** No accents, no case, Arabic letters unified, digits ASCII, single spaces. */
export function fold(words) {
  return words
    .normalize("NFKD")
    .replace(/[أإآٱىئؤةـء]/g, (letter) => ARABIC[letter])
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replace(/\p{M}/gu, "")
    .replace(TOGETHER, "")
    .replace(/\p{Nd}/gu, digit)
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Digits of any script come in runs of ten that begin with their zero. */
function digit(letter) {
  const code = letter.codePointAt(0);
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
}
