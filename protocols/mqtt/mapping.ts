/**
 * Where MQTT meets the neutral model: names, topics, properties. The only file of this adapter that knows both sides.
 *
 *     MQTT                          the broker
 *     topic a/b                     exchange amq.topic, key `a/b` spelled with slashes
 *     filter a/+/#                  binding of the session's queue, spelled with slashes
 *     QoS 0, 1, 2                   assurance: the same number
 *     session                       queue mqtt-subscription-<client identifier>
 *     $share/group/filter           queue of that very name
 *
 * MQTT 3.1.1 messages carry no properties. The property bytes of dialect 2 are MQTT 5's, exactly as on the wire; a
 * 3.1.1 publisher's are none.
 */

import { isUtf8 } from 'node:buffer';
import type { BindOptions } from '../../src/api.ts';
import type { Dialect } from '../../src/message/dialect.ts';
import { DOT, type MessageView, SLASH } from '../../src/message/message.ts';
import { NO_PROPERTIES } from '../../src/message/properties.ts';
import type { Qos } from './codec/decode.ts';

/** Written into the log with every message. */
export const MQTT_DIALECT_ID = 2;

export const mqttDialect: Dialect = {
  id: MQTT_DIALECT_ID,
  name: 'mqtt',
  decode: () => NO_PROPERTIES,
};

const QUEUE_PREFIX = 'mqtt-subscription-';

export function queueOf(clientId: string): string {
  return QUEUE_PREFIX + clientId;
}

/** `$share/group/filter`: the queue's name, which other protocols may consume from as well. */
export function sharedQueueOf(group: string, filter: string): string {
  return `$share/${group}/${filter}`;
}

/** A binding that asks for the filter's messages up to `qos`. Topics that begin with `$` hide from a leading wildcard
 *  [MQTT-4.7.2-1]. */
export function bindingOf(qos: Qos): BindOptions {
  return BINDINGS[qos];
}

const BINDINGS: readonly [BindOptions, BindOptions, BindOptions] = [bindingWith(0), bindingWith(1), bindingWith(2)];

function bindingWith(qos: Qos): BindOptions {
  return { spelling: SLASH, arguments: [], assurance: qos, hideReserved: true };
}

/** The user name `vhost:user` chooses a vhost; without a colon it is a user of the default one. */
export function splitUserName(name: string | undefined): { vhost: string | undefined; user: string | undefined } {
  const colon = name === undefined ? -1 : name.indexOf(':');
  if (name === undefined || colon < 0) return { vhost: undefined, user: name };
  return { vhost: colon === 0 ? undefined : name.slice(0, colon), user: name.slice(colon + 1) };
}

/** Whether a message has something to say that a 3.1.1 subscriber cannot be told. */
export function losesProperties(view: MessageView): boolean {
  return view.propsEnd > view.propsStart || view.notesEnd > view.notesStart;
}

const TOPIC_BYTES_MAX = 65_535;
const DOT_BYTE = 0x2e;
const SLASH_BYTE = 0x2f;
const UNDERSCORE = 0x5f;
const EMPTY = Buffer.alloc(0);

/**
 * The topic of a message as bytes: `of(view)` sets `buffer[start, end)`, valid until the next call or the end of the
 * view. A topic from an MQTT publisher is taken as it lies. A routing key is respelled, `.` to `/`; what a topic name may
 * not hold (wildcards, U+0000, bytes that are not UTF-8) becomes `_`, an empty key becomes the exchange's name, and
 * either counts as lossy.
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
    for (let i = 0; i < length; i++) if (view.head[view.keyStart + i] !== this.lastKey[i]) return false;
    return true;
  }

  private respell(view: MessageView): void {
    this.lastSpelling = view.spelling;
    this.lastKey = Buffer.from(view.head.subarray(view.keyStart, view.keyEnd));
    let lossy = false;
    let topic = Buffer.from(this.lastKey);
    if (topic.length === 0) {
      topic = Buffer.from(view.head.subarray(view.exchangeStart, view.exchangeEnd));
      lossy = true;
    }
    if (topic.length === 0) topic = Buffer.from('_');
    if (topic.length > TOPIC_BYTES_MAX) {
      let cut = TOPIC_BYTES_MAX;
      while (cut > 0 && (topic[cut]! & 0xc0) === 0x80) cut--;
      topic = topic.subarray(0, cut);
      lossy = true;
    }
    const valid = isUtf8(topic);
    for (let i = 0; i < topic.length; i++) {
      const byte = topic[i]!;
      if (byte === DOT_BYTE && view.spelling === DOT) topic[i] = SLASH_BYTE;
      else if (byte === 0 || byte === 0x23 || byte === 0x2b || (byte >= 0x80 && !valid)) {
        topic[i] = UNDERSCORE;
        lossy = true;
      }
    }
    this.lastTopic = topic;
    this.lastLossy = lossy;
  }
}
