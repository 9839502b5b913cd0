// Amounts as people type them, compared with what is left: a warning only, the server decides.

/** The number somebody typed, in thousandths to stay exact; null when it is no amount. */
export function thousandths(typed) {
  const latin = typed.replace(/[٠-٩۰-۹]/g, (digit) => digit.charCodeAt() & 15);
  const found = latin.replace(/[\s'’]|[,٬](?=\d{3}\D)|٬(?=\d{3}$)/g, "").match(/^(\d{1,15})(?:[.,٫](\d{1,3}))?$/);
  return found ? BigInt(found[1]) * 1000n + BigInt((found[2] ?? "").padEnd(3, "0")) : null;
}

/** Whether an amount as typed is more than what is left; what is no amount is never more. */
export function isMore(typed, left) {
  const [asked, there] = [thousandths(typed), thousandths(left)];
  return asked !== null && there !== null && asked > there;
}
