/**
 * Archives in the form that every `tar` reads: POSIX ustar, with pax headers where a path is too long for it.
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 *
 *     header (512 bytes) │ content │ zeros to a multiple of 512 │ … │ 1,024 zeros
 */
const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
/** Of a pax header's content: a path. */
const PAX_BYTES_MAX = 64 * 1024;
const SIZE_MAX = 0o77777777777;

export const END = Buffer.alloc(2 * BLOCK_BYTES);

export interface TarEntry {
  readonly path: string;
  readonly bytes: number;
}

export class TarError extends Error {}

/** What follows a content of so many bytes. */
export function paddingBytes(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** What stands before a file's content. @param modifiedS seconds since the epoch */
export function headerOf({ path, bytes }: TarEntry, modifiedS: number): Buffer {
  const name = Buffer.from(path);
  if (bytes > SIZE_MAX) throw new RangeError(`${path} is too large for an archive`);
  if (name.length <= NAME_BYTES_MAX) return block(name, bytes, '0', modifiedS);
  const record = paxRecord('path', path);
  const padding = Buffer.alloc(paddingBytes(record.length));
  return Buffer.concat([
    block(Buffer.from('pax'), record.length, 'x', modifiedS),
    record,
    padding,
    block(name.subarray(0, NAME_BYTES_MAX), bytes, '0', modifiedS),
  ]);
}

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  // The length counts its own digits.
  let length = rest.length + 1;
  while (length !== String(length).length + rest.length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function block(name: Buffer, bytes: number, type: string, modifiedS: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  name.copy(header, 0);
  const octal = (value: number, at: number, digits: number): void =>
    void header.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(Math.floor(modifiedS), 136, 11);
  header.write('        ', 148, 'latin1');
  header.write(type, 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  octal(sumOf(header), 148, 6);
  header[154] = 0;
  return header;
}

function sumOf(header: Buffer): number {
  let sum = 0;
  for (const byte of header) sum += byte;
  return sum;
}

/** Where an archive goes as it is read. */
export interface TarSink {
  begin(entry: TarEntry): Promise<void>;
  write(piece: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** Takes an archive apart as it comes, in pieces cut anywhere. */
export class TarReader {
  /** The end of the archive has come. */
  ended = false;
  private readonly sink: TarSink;
  private pending = Buffer.alloc(0);
  private path: string | undefined;
  private pax: { text: string } | undefined;
  /** Of the entry's content; -1: it is between entries. */
  private left = -1;
  /** What follows that content, and what is left of that. */
  private padding = 0;
  private skip = 0;

  constructor(sink: TarSink) {
    this.sink = sink;
  }

  /** @throws TarError it is no archive; what the sink throws */
  async take(chunk: Buffer): Promise<void> {
    let bytes = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (bytes.length > 0 && !this.ended) {
      if (this.skip > 0) {
        const skipped = Math.min(this.skip, bytes.length);
        this.skip -= skipped;
        bytes = bytes.subarray(skipped);
      } else if (this.left >= 0) bytes = await this.content(bytes);
      else if (bytes.length < BLOCK_BYTES) break;
      else {
        await this.header(bytes.subarray(0, BLOCK_BYTES));
        bytes = bytes.subarray(BLOCK_BYTES);
      }
    }
    this.pending = Buffer.from(this.ended ? [] : bytes);
  }

  private async content(bytes: Buffer): Promise<Buffer> {
    const piece = bytes.subarray(0, Math.min(this.left, bytes.length));
    if (this.pax !== undefined) this.pax.text += piece.toString('latin1');
    else await this.sink.write(piece);
    this.left -= piece.length;
    if (this.left === 0) await this.entryEnd();
    return bytes.subarray(piece.length);
  }

  private async entryEnd(): Promise<void> {
    this.left = -1;
    this.skip = this.padding;
    if (this.pax === undefined) {
      await this.sink.end();
      return;
    }
    const text = Buffer.from(this.pax.text, 'latin1').toString('utf8');
    this.path = /^\d+ path=(.*)\n/m.exec(text)?.[1];
    this.pax = undefined;
  }

  private async header(header: Buffer): Promise<void> {
    if (header.every((byte) => byte === 0)) {
      this.ended = true;
      return;
    }
    const sum = octalAt(header, 148, 8);
    const blank = Buffer.from(header);
    blank.fill(0x20, 148, 156);
    if (sum !== sumOf(blank)) throw new TarError('this is no tar archive, or it is damaged');
    const bytes = octalAt(header, 124, 12);
    const type = String.fromCharCode(header[156]!);
    if (type === 'x') {
      if (bytes > PAX_BYTES_MAX) throw new TarError('this archive has a header that is too long');
      this.pax = { text: '' };
    } else if (type !== '0' && type !== '\0') throw new TarError(`this archive has an entry of type '${type}'`);
    else {
      const path = this.path ?? textAt(header, 0, NAME_BYTES_MAX);
      this.path = undefined;
      await this.sink.begin({ path, bytes });
    }
    this.left = bytes;
    this.padding = paddingBytes(bytes);
    if (bytes === 0) await this.entryEnd();
  }
}

function textAt(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at);
  return header.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}

function octalAt(header: Buffer, at: number, length: number): number {
  const text = textAt(header, at, length).trim();
  if (!/^[0-7]+$/.test(text)) throw new TarError('this is no tar archive, or it is damaged');
  return Number.parseInt(text, 8);
}
