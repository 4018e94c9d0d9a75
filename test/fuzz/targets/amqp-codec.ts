/**
 * AMQP's codec alone, without a broker behind it: much faster than whole conversations, so that many more inputs go through
 * the frame parser, the fields of methods, properties and tables. Beside what every target asserts:
 *
 * - however a stream is cut, it gives the same frames, and ends in the same error;
 * - properties are taken or refused alike by the scan of a publish and by whoever reads them later, and what was taken
 *   is the same after it has been written again.
 */

import { FieldsFault, SyntaxFault, TextFault } from '../../../protocols/amqp/codec/faults.ts';
import { FieldReader } from '../../../protocols/amqp/codec/field-reader.ts';
import { FrameParser, type FrameSink } from '../../../protocols/amqp/codec/frame-parser.ts';
import { PropertyScan, readProperties, writeProperties } from '../../../protocols/amqp/codec/properties.ts';
import { amqpDialect } from '../../../protocols/amqp/mapping/dialect.ts';
import type { ConnectionHandler, Protocol } from '../../../src/api/index.ts';
import { ByteSink } from '../../../src/message/byte-sink.ts';
import type { FuzzTarget } from '../target.ts';
import { amqpTarget, GREETING_BYTES } from './amqp.ts';

const FRAME_BYTES_MAX = 131_072;
/** Fields of the methods, by their numbers: b bit, o octet, s short string, w u16, l u32, L u64, S long string, T table. */
const FIELDS: Readonly<Record<number, string>> = {
  655371: 'TsSs',
  655391: 'wlw',
  655400: 'ssb',
  655410: 'wsww',
  655430: 'Ss',
  1310730: 's',
  1310740: 'b',
  1310760: 'wsww',
  1966090: 'sbbbbb',
  2621450: 'wssbbbbbT',
  2621460: 'wsbb',
  2621470: 'wsssbT',
  2621480: 'wsssbT',
  3276810: 'wsbbbbbT',
  3276820: 'wsssbT',
  3276830: 'wsb',
  3276840: 'wsbbb',
  3276850: 'wsssT',
  3932170: 'lwb',
  3932180: 'wssbbbbT',
  3932190: 'sb',
  3932200: 'wssbb',
  3932230: 'wsb',
  3932240: 'Lb',
  3932250: 'Lb',
  3932260: 'b',
  3932270: 'b',
  3932280: 'Lbb',
  5570570: 'b',
};

class Codec implements ConnectionHandler, FrameSink {
  private readonly parser = new FrameParser(this, FRAME_BYTES_MAX);
  private readonly chunks: Buffer[] = [];
  private readonly fields = new FieldReader();
  private readonly scan = new PropertyScan();
  private readonly sink = new ByteSink();
  private readonly again = new ByteSink();
  private seen = '';

  data(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk));
    this.parser.read(chunk, 0, chunk.length);
  }

  frameGone(): void {}

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    this.seen += `${type} ${channel} ${end - start} ${digest(buffer, start, end)};`;
    if (type === 1 && end - start >= 4) this.method(buffer, start, end);
    else if (type === 2 && end - start >= 12) this.properties(buffer, start + 12, end);
    return true;
  }

  frameError(reason: string): void {
    this.seen += reason;
  }

  private method(buffer: Buffer, start: number, end: number): void {
    const fields = this.fields.begin(buffer, start + 4, end);
    foreseen(() => {
      for (const letter of FIELDS[buffer.readUInt32BE(start)] ?? '') {
        if (letter === 'b') fields.bit();
        else if (letter === 'o') fields.uint8();
        else if (letter === 's') fields.shortString();
        else if (letter === 'w') fields.uint16();
        else if (letter === 'l') fields.uint32();
        else if (letter === 'L') fields.uint64();
        else if (letter === 'S') fields.longBytes();
        else fields.table();
      }
      fields.finish();
    });
  }

  private properties(buffer: Buffer, start: number, end: number): void {
    const scanned = foreseen(() => this.scan.read(buffer, start, end));
    const read = foreseen(() => {
      const properties = readProperties(buffer, start, end);
      this.sink.clear();
      const lossy = writeProperties(this.sink, properties);
      if (lossy > 0) return;
      this.again.clear();
      writeProperties(this.again, readProperties(this.sink.buffer, 0, this.sink.length));
      const { buffer: written, length } = this.sink;
      if (length !== this.again.length || written.compare(this.again.buffer, 0, length, 0, length) !== 0) {
        throw new Error('properties have changed on their way');
      }
    });
    if (scanned !== read) throw new Error(`scanned: ${scanned}, read: ${read}`);
  }

  drained(): void {}

  closed(): void {
    const whole = new Codec();
    const stream = Buffer.concat(this.chunks);
    whole.parser.read(stream, 0, stream.length);
    if (whole.seen !== this.seen) throw new Error(`cut: ${this.seen}\nwhole: ${whole.seen}`);
  }

  shutdown(): void {}
}

/** The kind of fault that the bytes are refused with; anything else is one of ours. */
function foreseen(read: () => void): string {
  try {
    read();
    return 'fine';
  } catch (error) {
    if (error instanceof SyntaxFault || error instanceof FieldsFault || error instanceof TextFault) return error.name;
    throw error;
  }
}

function digest(buffer: Buffer, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (hash * 31 + buffer[i]!) | 0;
  return hash;
}

const protocol: Protocol = {
  name: 'amqp-codec',
  dialect: amqpDialect,
  detect: () => true,
  accept: () => new Codec(),
};

export const amqpCodecTarget: FuzzTarget = {
  name: 'amqp-codec',
  protocol: () => protocol,
  // The protocol header is no frame, and a large body is only a long way to the next one.
  conversations: amqpTarget.conversations
    .filter(({ packets }) => packets.every((packet) => packet.length < 10_000))
    .map(({ packets, weight }) => ({
      prelude: [],
      packets: packets.filter((packet) => !packet.equals(GREETING_BYTES)),
      ...(weight !== undefined && { weight }),
    })),
  dictionary: amqpTarget.dictionary,
  repair: amqpTarget.repair,
  internalErrors: () => 0,
  complaints: () => 0,
};
