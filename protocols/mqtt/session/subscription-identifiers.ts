/**
 * The subscription identifiers of one session [MQTT 5.0, section 3.8.2.1.2], as the property bytes that a PUBLISH carries.
 *
 * Nearly always the binding that brought a message says which it is. Where several subscriptions met, or the number is too
 * large for that, the topic is matched with the session's filters; what was found is remembered by topic.
 */
import { DATA_SEVERAL_OWN, type MessageView } from '../../../src/api/index.ts';
import { varintBytes, writeVarint } from '../codec/fields.ts';
import { SUBSCRIPTION_IDENTIFIER } from '../codec/properties/property-table.ts';
import { filterMatches } from '../codec/text.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';

const REMEMBERED_MAX = 256;

/** One identifier as a property; null for 0, which is none. */
export function identifierBytes(identifier: number): Buffer | null {
  if (identifier === 0) return null;
  const bytes = Buffer.alloc(1 + varintBytes(identifier));
  bytes[0] = SUBSCRIPTION_IDENTIFIER;
  writeVarint(bytes, 1, identifier);
  return bytes;
}

export class SubscriptionIdentifiers {
  private readonly byFilter = new Map<string, number>();
  private readonly encoded = new Map<number, Buffer>();
  private readonly noLocal = new Set<string>();
  private readonly byTopic = new Map<string, Buffer | null>();
  private readonly byOwnTopic = new Map<string, Buffer | null>();

  get size(): number {
    return this.byFilter.size;
  }

  /** @param identifier 0 for none @param noLocal it does not bring what its client publishes */
  set(filter: string, identifier: number, noLocal: boolean): void {
    if (identifier === 0) this.byFilter.delete(filter);
    else this.byFilter.set(filter, identifier);
    if (identifier > 0 && noLocal) this.noLocal.add(filter);
    else this.noLocal.delete(filter);
    this.byTopic.clear();
    this.byOwnTopic.clear();
  }

  /** The properties for a message of the session's own queue; null for none. */
  of(view: MessageView, topics: TopicWriter): Buffer | null {
    const data = view.subscriptionData;
    if (data === 0) return null;
    return data >= DATA_SEVERAL_OWN ? this.matching(view, topics, data === DATA_SEVERAL_OWN) : this.one(data);
  }

  private one(identifier: number): Buffer {
    let bytes = this.encoded.get(identifier);
    if (bytes === undefined) {
      if (this.encoded.size >= REMEMBERED_MAX) this.encoded.clear();
      bytes = identifierBytes(identifier)!;
      this.encoded.set(identifier, bytes);
    }
    return bytes;
  }

  /** @param own the client has published it itself */
  private matching(view: MessageView, topics: TopicWriter, own: boolean): Buffer | null {
    topics.of(view);
    const topic = topics.buffer.utf8Slice(topics.start, topics.end);
    const known = own ? this.byOwnTopic : this.byTopic;
    let bytes = known.get(topic);
    if (bytes === undefined) {
      const found = new Set<number>();
      for (const [filter, identifier] of this.byFilter) {
        if (filterMatches(filter, topic) && !(own && this.noLocal.has(filter))) found.add(identifier);
      }
      bytes = found.size === 0 ? null : Buffer.concat([...found].map((identifier) => this.one(identifier)));
      if (known.size >= REMEMBERED_MAX) known.clear();
      known.set(topic, bytes);
    }
    return bytes;
  }
}
