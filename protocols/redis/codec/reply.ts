/**
 * Replies and pushes: values to bytes. What RESP3 has and RESP2 has not is written as RESP2's clients expect it.
 *
 *                    RESP2             RESP3
 *     nothing        $-1 or *-1        _
 *     map of n       *2n               %n
 *     push of n      *n                >n
 */
import { copyBytes, type Output, type Pinnable } from '../../../src/api/index.ts';

export type RespVersion = 2 | 3;

/** What lies together in the output; longer values are appended piece by piece. */
const TOGETHER_BYTES_MAX = 16 * 1024;
const CR = 0x0d;
const LF = 0x0a;

export class ReplyWriter {
  version: RespVersion = 2;
  private readonly to: { readonly out: Output };

  /** @param to where to write may change between two replies */
  constructor(to: { readonly out: Output }) {
    this.to = to;
  }

  simple(text: string): void {
    this.to.out.appendAscii(`+${text}\r\n`);
  }

  /** @param text its code first, as `ERR …` */
  error(text: string): void {
    this.to.out.append(Buffer.from(`-${text.replace(/[\r\n]+/g, ' ')}\r\n`));
  }

  integer(value: number): void {
    this.to.out.appendAscii(`:${value}\r\n`);
  }

  nil(): void {
    this.to.out.appendAscii(this.version === 2 ? '$-1\r\n' : '_\r\n');
  }

  /** Nothing in the place of an array. */
  nilArray(): void {
    this.to.out.appendAscii(this.version === 2 ? '*-1\r\n' : '_\r\n');
  }

  array(length: number): void {
    this.to.out.appendAscii(`*${length}\r\n`);
  }

  map(pairs: number): void {
    this.to.out.appendAscii(this.version === 2 ? `*${2 * pairs}\r\n` : `%${pairs}\r\n`);
  }

  push(length: number): void {
    this.to.out.appendAscii(this.version === 2 ? `*${length}\r\n` : `>${length}\r\n`);
  }

  text(text: string): void {
    this.bulk(Buffer.from(text));
  }

  bulk(bytes: Buffer, start = 0, end = bytes.length, memory: Pinnable | null = null): void {
    const { out } = this.to;
    const length = end - start;
    const head = `$${length}\r\n`;
    if (length > TOGETHER_BYTES_MAX) {
      out.appendAscii(head);
      out.appendBody(bytes, start, end, memory);
      out.appendAscii('\r\n');
      return;
    }
    let at = out.reserve(head.length + length + 2);
    const { buffer } = out;
    for (let i = 0; i < head.length; i++) buffer[at++] = head.charCodeAt(i);
    at = copyBytes(bytes, start, end, buffer, at);
    buffer[at] = CR;
    buffer[at + 1] = LF;
  }

  /** The head of a bulk string whose bytes, and `bulkTail`, are written by others. */
  bulkHead(length: number): void {
    this.to.out.appendAscii(`$${length}\r\n`);
  }

  bulkTail(): void {
    this.to.out.appendAscii('\r\n');
  }
}
