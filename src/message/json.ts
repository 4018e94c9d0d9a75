/** JSON that keeps header values as they are: their 64-bit integers and bytes need a form of their own. */

export function packJson(value: unknown): string {
  return JSON.stringify(value, pack);
}

export function unpackJson<T>(buffer: Buffer, start: number, end: number): T {
  return JSON.parse(buffer.utf8Slice(start, end), unpack) as T;
}

function pack(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $integer: String(value) };
  // JSON has no word for these.
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  // Buffers have a toJSON that runs before this; the holder still has the original.
  const original = (this as Record<string, unknown>)[key];
  if (Buffer.isBuffer(original)) return { $bytes: original.toString('base64') };
  return value;
}

function unpack(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('$integer' in value) return BigInt(value.$integer as string);
  if ('$number' in value) return Number(value.$number as string);
  if ('$bytes' in value) return Buffer.from(value.$bytes as string, 'base64');
  return value;
}
