/**
 * Buffer's slice methods for one encoding: public since Node's first days, documented nowhere, and several times faster
 * on short ranges than `toString(encoding, …)`, which looks the encoding up first.
 */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
