import assert from "node:assert/strict";
import test from "node:test";
import { isMore, thousandths } from "../../webapp/static/js/amounts.js";

test("amounts are read as people type them", () => {
  assert.equal(thousandths("1 500"), 1_500_000n);
  assert.equal(thousandths("1\u202f500,50"), 1_500_500n);
  assert.equal(thousandths("0.005"), 5n);
  assert.equal(thousandths("983935"), 983_935_000n);
  assert.equal(thousandths("١٬٥٠٠٫٥"), 1_500_500n);
  assert.equal(thousandths("۹۵۰٬۰۰۰"), 950_000_000n);
  assert.equal(thousandths("1,500.50"), 1_500_500n);
});

test("what is no amount is no amount", () => {
  for (const typed of ["", "-5", "1e9", "NaN", "１００", "1.2.3", "1,5,0", "12,3456", "١٬٥"]) assert.equal(thousandths(typed), null, typed);
});

test("only an amount can be more than what is left", () => {
  assert.equal(isMore("900,01", "900.00"), true);
  assert.equal(isMore("900", "900.00"), false);
  assert.equal(isMore("x", "900.00"), false);
  assert.equal(isMore("5", ""), false);
});
