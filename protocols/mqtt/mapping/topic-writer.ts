/** Topics as bytes, whatever protocol a message came from. */
import { isUtf8 } from 'node:buffer';
import { DOT, type MessageView, respell, SLASH, textOf } from '../../../src/api/index.ts';
import { MQTT_DIALECT_ID } from './dialect.ts';
import { isReserved, QUEUE_TOPIC_PREFIX } from './special-topics.ts';

const TOPIC_BYTES_MAX = 65_535;
const UNDERSCORE = 0x5f;
const QUEUE_PREFIX = Buffer.from(QUEUE_TOPIC_PREFIX, 'latin1');
const EMPTY = Buffer.alloc(0);

/**
 * The topic of a message as bytes: `of(view)` sets `buffer[start, end)`, valid until the next call or the end of the
 * view. A topic from an MQTT publisher is taken as it lies. A dotted key is respelled (`src/message/spelling.ts`), and what was
 * sent straight to a queue has the topic that leads there, `$queue/q`. What a topic name may not hold (wildcards, U+0000,
 * bytes that are not UTF-8) becomes `_`, an empty key becomes the exchange's name, and either counts as lossy: a filter that
 * has matched the key matches that as well. So does the `$` of what is the broker's own to say: the adapter writes that with slashes,
 * so whatever else comes under such a name has come past the exchange of topics, by a binding of the session's queue itself.
 */
export class TopicWriter {
  buffer: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Whether the last topic lost something. */
  lossy = false;
  private lastKey: Buffer = EMPTY;
  private lastTopic: Buffer = EMPTY;
  private lastSpelling = -1;
  private lastToQueue = false;
  private lastLossy = false;

  of(view: MessageView): void {
    if (view.dialect === MQTT_DIALECT_ID && view.spelling === SLASH) {
      this.buffer = view.head;
      this.start = view.keyStart;
      this.end = view.keyEnd;
      this.lossy = false;
      return;
    }
    if (!this.isLast(view)) this.respell(view);
    this.buffer = this.lastTopic;
    this.start = 0;
    this.end = this.lastTopic.length;
    this.lossy = this.lastLossy;
  }

  private isLast(view: MessageView): boolean {
    const length = view.keyEnd - view.keyStart;
    if (length === 0 || length !== this.lastKey.length || view.spelling !== this.lastSpelling) return false;
    if (this.lastToQueue !== (view.exchangeEnd === view.exchangeStart)) return false;
    for (let i = 0; i < length; i++) if (view.head[view.keyStart + i] !== this.lastKey[i]) return false;
    return true;
  }

  private respell(view: MessageView): void {
    const { head, keyStart, keyEnd } = view;
    this.lastSpelling = view.spelling;
    this.lastToQueue = view.exchangeEnd === view.exchangeStart;
    this.lastKey = Buffer.from(head.subarray(keyStart, keyEnd));
    let lossy = false;
    let topic = Buffer.from(this.lastKey);
    if (this.lastToQueue) topic = Buffer.concat([QUEUE_PREFIX, topic]);
    else {
      if (topic.length === 0) {
        topic = Buffer.from(head.subarray(view.exchangeStart, view.exchangeEnd));
        lossy = true;
      }
      if (view.spelling === DOT && isReserved(textOf(topic))) {
        topic[0] = UNDERSCORE;
        lossy = true;
      }
      if (view.spelling === DOT) respell(topic, 0, topic.length, topic, 0);
    }
    if (topic.length > TOPIC_BYTES_MAX) {
      let cut = TOPIC_BYTES_MAX;
      while (cut > 0 && (topic[cut]! & 0xc0) === 0x80) cut--;
      topic = topic.subarray(0, cut);
      lossy = true;
    }
    const valid = isUtf8(topic);
    for (let i = 0; i < topic.length; i++) {
      const byte = topic[i]!;
      if (byte === 0 || byte === 0x23 || byte === 0x2b || (byte >= 0x80 && !valid)) {
        topic[i] = UNDERSCORE;
        lossy = true;
      }
    }
    this.lastTopic = topic;
    this.lastLossy = lossy;
  }
}
