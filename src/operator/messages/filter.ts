/**
 * Which messages somebody who looks through a queue wants: those that a selector matches, and that hold a text in their body or their
 * routing key. The time of both is bounded by the message and the texts, whose lengths are bounded where they are given.
 */
import type { Dialects } from '../../message/dialect.ts';
import type { MessageView } from '../../message/message.ts';
import { NO_PROPERTIES } from '../../message/properties.ts';
import { bytesOf } from '../../message/text.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import { compileSelector, type Selector } from '../../routing/selector/selector.ts';

/** What a large body is searched in at a time. */
const PIECE_BYTES = 128 * 1024;

export class MessageFilter {
  private readonly selector: Selector | null;
  private readonly needle: Buffer | null;

  /**
   * @param selector JMS' selector language; undefined: every message
   * @param text looked for byte by byte, in UTF-8; undefined: whatever it holds
   * @throws BrokerError invalid: the selector cannot be read
   */
  constructor(selector: string | undefined, text: string | undefined) {
    this.selector = selector === undefined ? null : compileSelector(selector);
    this.needle = text === undefined || text === '' ? null : bytesOf(text);
  }

  /** Undefined: its body is large, and has to be looked through (`findIn`). */
  matches(view: MessageView, dialects: Dialects): boolean | undefined {
    const { selector, needle } = this;
    if (selector !== null) {
      const properties = selector.readsProperties ? dialects.matchProperties(view) : NO_PROPERTIES;
      if (!selector.matches(view, properties)) return false;
    }
    if (needle === null) return true;
    if (view.head.subarray(view.keyStart, view.keyEnd).indexOf(needle) >= 0) return true;
    if (view.large !== null) return undefined;
    return view.body.subarray(view.bodyStart, view.bodyEnd).indexOf(needle) >= 0;
  }

  /** Whether a large body holds the text; read piece by piece. @param each asked before each piece: when it may be looked at */
  async findIn(body: StoredBody, each: () => Promise<void>): Promise<boolean> {
    const needle = this.needle!;
    let rest: Buffer = Buffer.alloc(0);
    for await (const piece of piecesOf(body, body.length)) {
      await each();
      const whole = Buffer.concat([rest, piece]);
      if (whole.indexOf(needle) >= 0) return true;
      rest = whole.subarray(Math.max(0, whole.length - needle.length + 1));
    }
    return false;
  }
}

/** The first `bytesMax` of a large body, in copied pieces. It is held from the call on. @throws Error it cannot be read */
export function piecesOf(body: StoredBody, bytesMax: number): AsyncGenerator<Buffer> {
  return read(body.read(), Math.min(bytesMax, body.length));
}

async function* read(reader: ReturnType<StoredBody['read']>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  try {
    while (left > 0) {
      if (!reader.next(Math.min(left, PIECE_BYTES))) {
        await new Promise<void>((resolve, reject) => {
          reader.onReady = resolve;
          reader.onError = reject;
        });
        continue;
      }
      const piece = Buffer.from(reader.buffer.subarray(reader.start, reader.end));
      left -= piece.length;
      yield piece;
    }
  } finally {
    reader.close();
  }
}
