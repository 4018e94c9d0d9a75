/** A packet handler that writes down what the reader hands on. */
import type { PacketHandler } from '../../../../protocols/mqtt/codec/reader.ts';

export interface Recorded {
  readonly first: number;
  /** Variable header and payload, large bodies put together again. */
  readonly content: string;
  readonly large: boolean;
}

export class Recorder implements PacketHandler {
  readonly packets: Recorded[] = [];
  private first = 0;
  private pieces: Buffer[] = [];
  private missing = 0;

  packet(first: number, buffer: Buffer, start: number, end: number): void {
    this.packets.push({ first, content: buffer.toString('latin1', start, end), large: false });
  }

  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void {
    if (this.missing !== 0) throw new Error('a body within a body');
    this.first = first;
    this.pieces = [Buffer.from(buffer.subarray(start, end))];
    this.missing = bodyLength;
  }

  bodyPiece(buffer: Buffer, start: number, end: number): void {
    this.missing -= end - start;
    if (this.missing < 0) throw new Error('more body than announced');
    this.pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  bodyEnd(): void {
    if (this.missing !== 0) throw new Error('less body than announced');
    const content = Buffer.concat(this.pieces).toString('latin1');
    this.packets.push({ first: this.first, content, large: true });
  }
}
