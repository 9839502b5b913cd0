import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { WrongAnswer, change, readAnswers, score } from "../../webapp/static/js/scoring.js";

const file = new URL("../../webapp/check_ins/instruments/who-5.json", import.meta.url);
const who5 = JSON.parse(await readFile(file, "utf8"));
const sheet = (...values) => Object.fromEntries(who5.items.map((item, n) => [item.id, values[n]]));

test("golden answer sheets have their golden scores", () => {
  for (const [values, raw, percent, band] of [
    [[0, 0, 0, 0, 0], 0, 0, "low"],
    [[1, 2, 1, 2, 1], 7, 28, "low"],
    [[1, 2, 1, 2, 2], 8, 32, "reduced"],
    [[3, 2, 3, 2, 2], 12, 48, "reduced"],
    [[3, 2, 3, 2, 3], 13, 52, "steady"],
    [[5, 5, 5, 5, 5], 25, 100, "steady"],
  ]) {
    const made = score(who5, sheet(...values));
    assert.deepEqual(made, { instrument: "who-5", version: 1, scoringVersion: 1, raw, percent, band });
  }
});

test("any of the 7,776 sheets scores the sum of its answers", () => {
  let sheets = 0;
  for (let code = 0; code < 6 ** 5; code += 1) {
    const values = [0, 1, 2, 3, 4].map((place) => Math.floor(code / 6 ** place) % 6);
    const sum = values.reduce((a, b) => a + b);
    const { raw, percent, band } = score(who5, sheet(...values));
    assert.deepEqual([raw, percent], [sum, sum * 4]);
    assert.equal(band, sum <= 7 ? "low" : sum <= 12 ? "reduced" : "steady");
    sheets += 1;
  }
  assert.equal(sheets, 7776);
});

test("a missing answer or a declined check-in has no score", () => {
  assert.equal(score(who5, sheet(5, 5, undefined, 5, 5)), null);
  assert.equal(score(who5, sheet(5, 5, null, 5, 5)), null);
  assert.equal(score(who5, {}), null);
  assert.equal(score(who5, null), null);
});

test("a wrong answer is refused, also beside missing ones", () => {
  for (const wrong of [6, -1, 2.5, "3", true, NaN, Infinity, [3]]) {
    assert.throws(() => score(who5, { calm: wrong }), WrongAnswer);
  }
  assert.throws(() => score(who5, { ...sheet(1, 1, 1, 1, 1), mood: 3 }), WrongAnswer);
  assert.throws(() => score(who5, { toString: 3 }), WrongAnswer);
});

test("the words of a form become answers", () => {
  assert.deepEqual(readAnswers(who5, { cheerful: "5", calm: " 0 ", active: "", case: "7" }), { cheerful: 5, calm: 0 });
  for (const wrong of ["6", "-1", "2.0", "05", "five", "٣"]) {
    assert.throws(() => readAnswers(who5, { calm: wrong }), WrongAnswer);
  }
});

test("a fall of ten percentage points is meaningful, eight is not", () => {
  const at = (raw) => ({ instrument: "who-5", version: 1, scoringVersion: 1, raw, percent: raw * 4 });
  assert.deepEqual(change(who5, at(20), at(17)), { by: -12, isMeaningfulDrop: true });
  assert.deepEqual(change(who5, at(20), at(18)), { by: -8, isMeaningfulDrop: false });
  assert.deepEqual(change(who5, at(10), at(20)), { by: 40, isMeaningfulDrop: false });
  assert.equal(change(who5, { ...at(20), version: 2 }, at(10)), null);
  assert.equal(change(who5, null, at(10)), null);
});
