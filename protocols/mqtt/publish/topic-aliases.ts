/** Topic aliases that a client of 5.0 has given [MQTT5 3.3.2.3.4]: which topic each number stands for on this connection. */
import { MalformedPacket } from '../codec/packet.ts';
import { PROTOCOL_ERROR, TOPIC_ALIAS_INVALID } from '../codec/reasons.ts';
import type { PublishTarget } from './publish-target.ts';

export class TopicAliases {
  private readonly aliasMax: number;
  private readonly targets: (PublishTarget | undefined)[] = [];

  /** @param aliasMax the highest alias the client may use, 0 for none */
  constructor(aliasMax: number) {
    this.aliasMax = aliasMax;
  }

  /** The topic gets a number, or the number another topic. @throws MalformedPacket for one that is too high */
  set(alias: number, target: PublishTarget): void {
    this.check(alias);
    this.targets[alias] = target;
  }

  /** What a number stands for. @throws MalformedPacket for one that is too high, or was not given */
  get(alias: number): PublishTarget {
    this.check(alias);
    const found = this.targets[alias];
    if (found === undefined) {
      throw new MalformedPacket(`topic alias ${alias} was not given [MQTT5-3.3.2-7]`, PROTOCOL_ERROR);
    }
    return found;
  }

  private check(alias: number): void {
    if (alias > this.aliasMax) {
      throw new MalformedPacket(
        `topic alias ${alias}, more than ${this.aliasMax} [MQTT5-3.3.2-9]`,
        TOPIC_ALIAS_INVALID,
      );
    }
  }
}
