/**
 * What a client of 5.0 and this broker have agreed on at CONNECT, and what counts against it. A client of 3.1 or 3.1.1
 * has none of this: its connection's `terms` is null.
 */
import type { ConnectProperties } from '../codec/connect.ts';
import { MalformedPacket } from '../codec/packet.ts';
import { PROTOCOL_ERROR, RECEIVE_MAXIMUM_EXCEEDED, TOPIC_ALIAS_INVALID } from '../codec/reasons.ts';
import type { PublishTarget } from '../publish/publish-target.ts';

export class Terms {
  readonly wishes: ConnectProperties;
  /** What the session outlives its connection by, in seconds; DISCONNECT may change it. */
  sessionExpiryS: number;
  /** QoS 1 and 2 messages from the client that wait for their last answer. */
  unanswered = 0;
  private readonly receiveMax: number;
  private readonly aliasMax: number;
  private aliases: (PublishTarget | undefined)[] | null = null;

  /**
   * @param receiveMax QoS 1 and 2 messages the client may have unanswered
   * @param aliasMax the highest topic alias it may use
   */
  constructor(wishes: ConnectProperties, sessionExpiryS: number, receiveMax: number, aliasMax: number) {
    this.wishes = wishes;
    this.sessionExpiryS = sessionExpiryS;
    this.receiveMax = receiveMax;
    this.aliasMax = aliasMax;
  }

  /** A QoS 1 or 2 message has come [MQTT5-3.3.4-9]. */
  received(): void {
    if (this.unanswered >= this.receiveMax) {
      throw new MalformedPacket(
        `more than ${this.receiveMax} messages unanswered [MQTT5-4.9.0-1]`,
        RECEIVE_MAXIMUM_EXCEEDED,
      );
    }
    this.unanswered++;
  }

  /** The last answer to one has been written. */
  answered(): void {
    if (this.unanswered > 0) this.unanswered--;
  }

  /** The topic gets a number, or the number another topic. */
  setAlias(alias: number, target: PublishTarget): void {
    this.checkAlias(alias);
    this.aliases ??= [];
    this.aliases[alias] = target;
  }

  /** What a number stands for. */
  alias(alias: number): PublishTarget {
    this.checkAlias(alias);
    const found = this.aliases?.[alias];
    if (found === undefined)
      throw new MalformedPacket(`topic alias ${alias} was not given [MQTT5-3.3.2-7]`, PROTOCOL_ERROR);
    return found;
  }

  private checkAlias(alias: number): void {
    if (alias > this.aliasMax) {
      throw new MalformedPacket(
        `topic alias ${alias}, more than ${this.aliasMax} [MQTT5-3.3.2-9]`,
        TOPIC_ALIAS_INVALID,
      );
    }
  }
}
