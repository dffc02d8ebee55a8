// Quantities ("500m", "1Gi", 2) in the one form that the API server gives them back in.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

const DECIMAL: readonly (readonly [string, number])[] = [
  ["E", 18],
  ["P", 15],
  ["T", 12],
  ["G", 9],
  ["M", 6],
  ["k", 3],
  ["", 0],
  ["m", -3],
  ["u", -6],
  ["n", -9],
];
const BINARY: readonly (readonly [string, bigint])[] = [
  ["Ei", 1n << 60n],
  ["Pi", 1n << 50n],
  ["Ti", 1n << 40n],
  ["Gi", 1n << 30n],
  ["Mi", 1n << 20n],
  ["Ki", 1n << 10n],
];
/** Nothing smaller than a billionth is kept. */
const NANO = 1_000_000_000n;

/** The canonical text of a quantity, or undefined where the value is none. */
export function canonicalQuantity(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") {
    return undefined;
  }
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([A-Za-z]*|[eE][+-]?\d+)$/.exec(String(value).trim());
  if (!match || `${match[2]}${match[3] ?? ""}` === "") {
    return undefined;
  }
  const [, sign, whole, fraction = "", suffix] = match;
  const digits = BigInt(whole + fraction);
  const negative = sign === "-";

  const binary = BINARY.find(([name]) => name === suffix);
  if (binary) {
    return binaryText(upward(digits * binary[1] * NANO, 10n ** BigInt(fraction.length)), negative);
  }
  const exponent = /^[eE][+-]?\d+$/.test(suffix) ? Number(suffix.slice(1)) : DECIMAL.find(([name]) => name === suffix)?.[1];
  if (exponent === undefined) {
    return undefined;
  }
  const shift = exponent + 9 - fraction.length;
  const nanos = shift >= 0 ? digits * 10n ** BigInt(shift) : upward(digits, 10n ** BigInt(-shift));
  return decimalText(nanos, negative, /^[eE][+-]?\d/.test(suffix));
}

/** Division that rounds away from zero, as quantities do. */
const upward = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;

function decimalText(nanos: bigint, negative: boolean, exponents: boolean): string {
  if (nanos === 0n) {
    return "0";
  }
  const [suffix, exponent] = DECIMAL.find(([, power]) => nanos % 10n ** BigInt(power + 9) === 0n)!;
  const mantissa = nanos / 10n ** BigInt(exponent + 9);
  return `${negative ? "-" : ""}${mantissa}${exponents ? (exponent === 0 ? "" : `e${exponent}`) : suffix}`;
}

function binaryText(nanos: bigint, negative: boolean): string {
  // Below 1024, and where it is no whole number, the decimal form is used.
  if (nanos < 1024n * NANO || nanos % NANO !== 0n) {
    return decimalText(nanos, negative, false);
  }
  const units = nanos / NANO;
  const [suffix, size] = BINARY.find(([, unit]) => units % unit === 0n) ?? ["", 1n];
  return `${negative ? "-" : ""}${units / size}${suffix}`;
}
