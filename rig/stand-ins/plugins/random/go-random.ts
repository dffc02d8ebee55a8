// The pseudo-random numbers of Go's math/rand for a seed: a lagged Fibonacci generator, x[n] = x[n-607] + x[n-273]
// modulo 2^64. RandomInteger and RandomShuffle with a `seed` have to give what the official plugin gives.

const LENGTH = 607;
const TAP = 273;
const MODULUS = 2n ** 31n - 1n;
const WORD = (1n << 64n) - 1n;
/** Go starts every generator from the state that the generator seeded with 1 has after this many steps. */
const HEAD_START = 7_800_000_000_000n;
/** Bits for one coefficient of a product of two polynomials: 607 products of 64-bit numbers fit. */
const WIDTH = 144n;
const COEFFICIENT = (1n << WIDTH) - 1n;

/** Lehmer's generator, which fills the first state. */
const lehmer = (x: bigint) => (48271n * x) % MODULUS;

/** The state made from a seed: each word of three Lehmer numbers, shifted by `shift` bits more each. */
function fill(seed: bigint, shift: bigint): bigint[] {
  let x = seed;
  const next = () => {
    x = lehmer(x);
    return x;
  };
  for (let skipped = 0; skipped < 20; skipped++) {
    next();
  }
  return Array.from({ length: LENGTH }, () => (next() << (2n * shift)) ^ (next() << shift) ^ next());
}

/**
 * The words are written backwards from 333, so that the word written k steps ago (0 is the next) is at this index.
 */
const place = (k: number) => (((LENGTH - TAP - 1 - k) % LENGTH) + LENGTH) % LENGTH;

/** Coefficients of a polynomial (packed into one number) modulo x^607 - x^334 - 1, in which one step is a factor x. */
function reduce(packed: bigint): bigint {
  const coefficients: bigint[] = [];
  for (let rest = packed; rest > 0n; rest >>= WIDTH) {
    coefficients.push(rest & COEFFICIENT & WORD);
  }
  for (let i = coefficients.length - 1; i >= LENGTH; i--) {
    coefficients[i - LENGTH] += coefficients[i];
    coefficients[i - TAP] += coefficients[i];
  }
  return pack(coefficients.slice(0, LENGTH));
}

const pack = (coefficients: readonly bigint[]) =>
  coefficients.reduceRight((packed, coefficient) => (packed << WIDTH) | (coefficient & WORD), 0n);

/** The state of the generator seeded with 1 after its head start, by squaring x. */
function headStart(): bigint[] {
  let power = 1n;
  for (const bit of HEAD_START.toString(2)) {
    power = reduce(power * power);
    if (bit === "1") {
      power = reduce(power << WIDTH);
    }
  }
  const first = fill(1n, 10n);
  const sequence = Array.from({ length: LENGTH }, (_, k) => first[place(k)]);
  for (let k = 0; k < LENGTH; k++) {
    sequence.push((sequence[k] + sequence[k + LENGTH - TAP]) & WORD);
  }
  const factors = Array.from({ length: LENGTH }, (_, i) => (power >> (BigInt(i) * WIDTH)) & WORD);
  const state: bigint[] = new Array(LENGTH);
  for (let j = 0; j < LENGTH; j++) {
    const word = factors.reduce((sum, factor, i) => sum + factor * sequence[i + j], 0n) & WORD;
    state[place(Number(HEAD_START % BigInt(LENGTH)) + j)] = word;
  }
  return state;
}

let started: bigint[] | undefined;

/** CRC-64 (ISO 3309) of a text, which is how the provider makes a number of a seed. */
export function crc64(text: string): bigint {
  let crc = WORD;
  for (const byte of Buffer.from(text)) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1n ? (crc >> 1n) ^ 0xd800000000000000n : crc >> 1n;
    }
  }
  return crc ^ WORD;
}

/** Go's `rand.New(rand.NewSource(seed))`. */
export class GoRandom {
  private readonly state: bigint[];
  private tap = 0;
  private feed = LENGTH - TAP;

  constructor(seed: bigint) {
    started ??= headStart();
    const base = started;
    let start = BigInt.asIntN(64, seed) % MODULUS;
    if (start < 0n) {
      start += MODULUS;
    }
    this.state = fill(start === 0n ? 89482311n : start, 20n).map((word, i) => (word ^ base[i]) & WORD);
  }

  private uint64(): bigint {
    this.tap = (this.tap + LENGTH - 1) % LENGTH;
    this.feed = (this.feed + LENGTH - 1) % LENGTH;
    const word = (this.state[this.feed] + this.state[this.tap]) & WORD;
    this.state[this.feed] = word;
    return word;
  }

  private int63(): bigint {
    return this.uint64() & (WORD >> 1n);
  }

  private int31(): number {
    return Number(this.int63() >> 32n);
  }

  /** A whole number from 0 up to, not including, `limit`. */
  intn(limit: number): number {
    return limit <= 0x7fffffff ? this.int31n(limit) : this.int63n(BigInt(limit));
  }

  private int31n(limit: number): number {
    if ((limit & (limit - 1)) === 0) {
      return this.int31() & (limit - 1);
    }
    const most = 0x7fffffff - (0x80000000 % limit);
    let value = this.int31();
    while (value > most) {
      value = this.int31();
    }
    return value % limit;
  }

  private int63n(limit: bigint): number {
    if ((limit & (limit - 1n)) === 0n) {
      return Number(this.int63() & (limit - 1n));
    }
    const most = (1n << 63n) - 1n - ((1n << 63n) % limit);
    let value = this.int63();
    while (value > most) {
      value = this.int63();
    }
    return Number(value % limit);
  }

  /** A permutation of the numbers from 0 up to `count`. */
  permutation(count: number): number[] {
    const result: number[] = [];
    for (let i = 0; i < count; i++) {
      const j = this.intn(i + 1);
      result[i] = result[j];
      result[j] = i;
    }
    return result;
  }
}
