/**
 * The format codes of the type system [AMQP 1.0 §1.2, §1.6], and how wide their values are.
 *
 *     high digit   what follows the code
 *     0x4          nothing
 *     0x5 to 0x9   1, 2, 4, 8, 16 bytes
 *     0xa, 0xb     size in 1, 4 bytes | so many bytes
 *     0xc, 0xd     size in 1, 4 bytes | count in as many | values             size counts the count
 *     0xe, 0xf     size in 1, 4 bytes | count in as many | constructor | values without one
 */
export const DESCRIBED = 0x00;
export const NULL = 0x40;
export const TRUE = 0x41;
export const FALSE = 0x42;
export const UINT0 = 0x43;
export const ULONG0 = 0x44;
export const LIST0 = 0x45;
export const UBYTE = 0x50;
export const BYTE = 0x51;
export const SMALL_UINT = 0x52;
export const SMALL_ULONG = 0x53;
export const SMALL_INT = 0x54;
export const SMALL_LONG = 0x55;
export const BOOLEAN = 0x56;
export const USHORT = 0x60;
export const SHORT = 0x61;
export const UINT = 0x70;
export const INT = 0x71;
export const FLOAT = 0x72;
export const CHAR = 0x73;
export const DECIMAL32 = 0x74;
export const ULONG = 0x80;
export const LONG = 0x81;
export const DOUBLE = 0x82;
export const TIMESTAMP = 0x83;
export const DECIMAL64 = 0x84;
export const DECIMAL128 = 0x94;
export const UUID = 0x98;
export const BINARY8 = 0xa0;
export const STRING8 = 0xa1;
export const SYMBOL8 = 0xa3;
export const BINARY32 = 0xb0;
export const STRING32 = 0xb1;
export const SYMBOL32 = 0xb3;
export const LIST8 = 0xc0;
export const MAP8 = 0xc1;
export const LIST32 = 0xd0;
export const MAP32 = 0xd1;
export const ARRAY8 = 0xe0;
export const ARRAY32 = 0xf0;

/** Bytes of a value of fixed width, by the high digit of its code; -1 where a size follows. */
export const FIXED_WIDTHS: readonly number[] = [-1, -1, -1, -1, 0, 1, 2, 4, 8, 16, -1, -1, -1, -1, -1, -1];

/** Those that there are: one byte a code, 1 for a code of the specification. */
export const KNOWN_CODES: Uint8Array = knownCodes();

function knownCodes(): Uint8Array {
  const known = new Uint8Array(256);
  const ranges = [
    [NULL, LIST0],
    [UBYTE, BOOLEAN],
    [USHORT, SHORT],
    [UINT, DECIMAL32],
    [ULONG, DECIMAL64],
    [BINARY8, STRING8],
    [BINARY32, STRING32],
    [LIST8, MAP8],
    [LIST32, MAP32],
  ] as const;
  for (const [first, last] of ranges) known.fill(1, first, last + 1);
  for (const code of [DECIMAL128, UUID, SYMBOL8, SYMBOL32, ARRAY8, ARRAY32]) known[code] = 1;
  return known;
}
