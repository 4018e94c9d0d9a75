/** Decimal digits of numbers, written straight into a buffer. */

/** How many digits `value` has; an integer from 0. */
export function decimalLength(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1_000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  if (value < 1_000_000) return 6;
  if (value < 10_000_000) return 7;
  if (value < 100_000_000) return 8;
  if (value < 1_000_000_000) return 9;
  return String(value).length;
}

/** Writes the `length` digits of `value` at `at` and returns where they end. */
export function putDecimal(target: Buffer, at: number, value: number, length: number): number {
  if (length > 9) return at + target.latin1Write(String(value), at);
  let rest = value | 0;
  for (let i = at + length - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    target[i] = 0x30 + (rest - tenth * 10);
    rest = tenth;
  }
  return at + length;
}
