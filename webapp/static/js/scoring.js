// Scores of check-ins, as webapp/check_ins/scoring.py and skips.py make them: `instrument` is the parsed file from
// webapp/check_ins/instruments. Numbers that are not whole are exact fractions, written as words such as "21/32".

const NO_ANSWER = ["dont_know", "declined"];

// An answer to no item of the instrument, or with a code that the item does not know.
export class WrongAnswer extends Error {
  constructor(item, given) {
    super(`${item}: ${String(given)}`);
    this.name = "WrongAnswer";
    this.item = item;
    this.given = given;
  }
}

// --- Which questions follow from which answers ---

// Whether a condition such as ["=", "working", 0] is true of these answers.
export function holds([word, ...rest], answers) {
  if (word === "and") return rest.every((each) => holds(each, answers));
  if (word === "or") return rest.some((each) => holds(each, answers));
  if (word === "not") return !holds(rest[0], answers);
  const [item, code] = rest;
  const given = own(answers, item, null);
  if (word === "selected") return Array.isArray(given) ? given.includes(code) : given === code;
  if (word === "=" || word === "!=") return (given === code) === (word === "=");
  if (typeof given !== "number") return false;
  return { "<": given < code, "<=": given <= code, ">": given > code, ">=": given >= code }[word];
}

// The items that are asked after these answers, with their answers or null, as entries. `items` have an id and perhaps a `when`.
export function shown(items, answers) {
  const found = {};
  for (const { id, when } of items) if (!when || holds(when, found)) found[id] = own(answers, id, null);
  return found;
}

// --- Answers ---

// Answers from the words of a form, by item id. What was left blank is left out; other fields are ignored.
export function readAnswers(instrument, fields) {
  const answers = {};
  for (const item of itemsOf(instrument)) {
    const said = own(fields, item.id, "");
    const given = Array.isArray(said) ? readMany(item, said) : readOne(item, said.trim());
    if (given !== null) answers[item.id] = given;
  }
  return answers;
}

function readOne(item, given) {
  if (given === "" || given === "skip") return null;
  if (NO_ANSWER.includes(given) && item.kind !== "note") return given;
  if (item.kind === "many") return readMany(item, [given]);
  if (item.kind === "number") {
    if (/^-?\d{1,13}$/.test(given) && accepts(item, Number(given))) return Number(given);
    throw new WrongAnswer(item.id, given);
  }
  const code = item.options.map(({ value }) => value).find((value) => String(value) === given);
  if (code === undefined) throw new WrongAnswer(item.id, given);
  return code;
}

function readMany(item, said) {
  const given = said.map((word) => word.trim()).filter((word) => word && word !== "skip");
  if (!given.length) return null;
  if (item.kind !== "many") {
    if (given.length === 1) return readOne(item, given[0]);
    throw new WrongAnswer(item.id, given);
  }
  if (given.length === 1 && NO_ANSWER.includes(given[0])) return given[0];
  const codes = item.options.map(({ value }) => value);
  if (!given.every((word) => codes.some((code) => String(code) === word))) throw new WrongAnswer(item.id, given);
  return codes.filter((code) => given.includes(String(code)));
}

function accepts(item, given) {
  if (item.kind === "note") return false;
  if (NO_ANSWER.includes(given)) return true;
  const knows = (code) => item.options.some(({ value }) => value === code);
  if (item.kind === "many") return Array.isArray(given) && given.length > 0 && new Set(given).size === given.length && given.every(knows);
  if (item.kind === "number") return Number.isInteger(given) && item.lowest <= given && given <= item.highest;
  return knows(given);
}

// --- Scores ---

// The score, or null when the check-in was declined (no answers) or too much is missing. Nothing is estimated.
export function score(instrument, answers) {
  if (answers == null) return null;
  const items = itemsOf(instrument);
  const known = new Map(items.map((item) => [item.id, item]));
  for (const [id, given] of Object.entries(answers)) {
    if (!known.has(id) || (given != null && !accepts(known.get(id), given))) throw new WrongAnswer(id, given);
  }
  const { version, method, dimensions, percent_per_point: perPoint } = instrument.scoring;
  const given = shown(items, answers);
  const scored = items.filter(({ weight }) => weight !== undefined);
  const made = { instrument: instrument.id, version: instrument.version, scoringVersion: version };
  let raw;
  if (method === "dimensions") {
    const values = dimensions.map(({ id }) => [id, valueOf(instrument, scored.filter(({ dimension }) => dimension === id), given)]);
    if (values.every(([, value]) => value === null)) return null;
    raw = compositeOf(dimensions, new Map(values));
    made.dimensions = Object.fromEntries(values.map(([id, value]) => [id, value && written(value)]));
  } else {
    raw = method === "none" ? null : valueOf(instrument, scored, given);
    if (raw === null) return null;
  }
  return { ...made, raw: raw && written(raw), percent: percentOf(raw, perPoint), band: raw && bandOf(instrument, raw) };
}

function valueOf(instrument, items, given) {
  const { method, least_answered: least = 1 } = instrument.scoring;
  let [applicable, answered, total, weights] = [0, 0, ZERO, ZERO];
  for (const item of items) {
    if (!Object.hasOwn(given, item.id)) continue;
    const option = item.options.find(({ value }) => value === given[item.id]);
    if (option?.applies === false) continue;
    applicable += 1;
    if (option?.score === undefined) continue;
    answered += 1;
    total = plus(total, times(fraction(item.weight), fraction(option.score)));
    weights = plus(weights, fraction(item.weight));
  }
  if (!answered || compare(whole(answered), times(fraction(least), whole(applicable))) < 0) return null;
  return method === "sum" ? total : over(total, weights);
}

function compositeOf(dimensions, values) {
  let [total, weights] = [ZERO, ZERO];
  for (const { id, weight } of dimensions) {
    if (values.get(id) === null) return null;
    total = plus(total, times(fraction(weight), values.get(id)));
    weights = plus(weights, fraction(weight));
  }
  return over(total, weights);
}

const percentOf = (raw, perPoint) => (raw === null || perPoint === undefined ? null : Number((raw[0] * BigInt(perPoint)) / raw[1]));

function bandOf({ scoring: { bands } }, raw) {
  return bands.find(({ highest, up_to: upTo = highest, below }) => {
    if (below !== undefined) return compare(raw, fraction(below)) < 0;
    return upTo === undefined || compare(raw, fraction(upTo)) <= 0;
  }).id;
}

// What changed since the previous score, or null when there are not two scores made in the same way.
export function change(instrument, previous, latest) {
  if (previous == null || latest == null || !areComparable(previous, latest)) return null;
  const [before, after] = [previous.percent ?? previous.raw, latest.percent ?? latest.raw];
  if (before === null || after === null) return null;
  const by = plus(fraction(after), times(whole(-1), fraction(before)));
  const { meaningful, meaningful_drop: drop } = instrument.scoring;
  const enough = fraction(drop?.percent ?? meaningful?.by ?? "1000000");
  return { by: written(by), isMeaningfulDrop: compare(times(whole(-1), by), enough) >= 0 };
}

function areComparable(previous, latest) {
  return ["instrument", "version", "scoringVersion"].every((part) => previous[part] === latest[part]);
}

// The items of either format of file: the first has one scale, and every answer scores its code.
function itemsOf({ format, items, scale, scales }) {
  if (format === 2) return items.map((item) => ({ ...item, options: scales[item.scale] ?? [] }));
  const scored = scale.map(({ value, label }) => ({ value, label, score: value }));
  return items.map(({ id, values }) => ({ id, kind: "one", weight: 1, options: scored.filter(({ value }) => values.includes(value)) }));
}

function own(object, name, otherwise) {
  return Object.hasOwn(object, name) ? (object[name] ?? otherwise) : otherwise;
}

// --- Exact numbers: [numerator, denominator] ---

const ZERO = [0n, 1n];
const whole = (number) => [BigInt(number), 1n];
const plus = ([a, b], [c, d]) => reduced([a * d + c * b, b * d]);
const times = ([a, b], [c, d]) => reduced([a * c, b * d]);
const over = ([a, b], [c, d]) => reduced([a * d, b * c]);
const compare = ([a, b], [c, d]) => Number(a * d - c * b > 0n) - Number(a * d - c * b < 0n);

function reduced([a, b]) {
  let [x, y] = [a < 0n ? -a : a, b];
  while (y) [x, y] = [y, x % y];
  return [a / x, b / x];
}

function fraction(said) {
  const [, sign, units, , part, decimals = ""] = String(said).match(/^(-?)(\d+)(\/(\d+)|\.(\d+))?$/);
  const value = part ? [BigInt(units), BigInt(part)] : [BigInt(units + decimals), 10n ** BigInt(decimals.length)];
  return reduced([sign ? -value[0] : value[0], value[1]]);
}

const written = ([a, b]) => (b === 1n ? Number(a) : `${a}/${b}`);
