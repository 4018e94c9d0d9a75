/**
 * What a client may be handed of what it has subscribed to, by the rules over topics (`TopicRules`). A decision is made once for each
 * address and remembered, by its bytes, the last one by its route too, which says as much and costs a comparison. When rules change all
 * of them are forgotten. Who has no rules costs a comparison a message.
 */
import type { TopicRules } from '../../api/identity.ts';
import { DOT, type MessageView } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import { textOf } from '../../message/text.ts';
import type { DeliveryGuard } from '../../queue/dispatch/consumer.ts';
import { RouteMemo } from '../../routing/route-memo.ts';

/** Changes of rules, counted. */
interface RulesVersion {
  readonly rulesVersion: number;
}

export class Receiving implements DeliveryGuard {
  private readonly client: { readonly topicRules: TopicRules | undefined };
  private readonly version: RulesVersion;
  private seen = -1;
  /** Null: it has none. */
  private rules: TopicRules | null = null;
  /** Null before the first decision. */
  private decisions: RouteMemo<boolean> | null = null;
  /** What was asked last of a message whose route is known: it came along this, and may be received or not. */
  private lastRoute: object | null = null;
  private lastReceives = true;

  constructor(client: { readonly topicRules: TopicRules | undefined }, version: RulesVersion) {
    this.client = client;
    this.version = version;
  }

  get byAddress(): boolean {
    return this.rules !== null;
  }

  permits(view: MessageView): boolean {
    if (this.seen !== this.version.rulesVersion) this.renew();
    return this.rules === null || this.decide(this.rules, view);
  }

  permitsAlong(route: object, view: MessageView): boolean {
    if (this.seen !== this.version.rulesVersion) this.renew();
    if (this.rules === null) return true;
    if (this.lastRoute !== route) {
      this.lastReceives = this.decide(this.rules, view);
      this.lastRoute = route;
    }
    return this.lastReceives;
  }

  private renew(): void {
    this.seen = this.version.rulesVersion;
    this.rules = this.client.topicRules ?? null;
    this.decisions = null;
    this.lastRoute = null;
  }

  private decide(rules: TopicRules, view: MessageView): boolean {
    const { head, exchangeStart, exchangeEnd, keyStart, keyEnd } = view;
    const known = this.decisions?.find(head, exchangeStart, exchangeEnd, keyStart, keyEnd);
    if (known !== undefined) return known;
    const exchange = view.exchange();
    const key = dotted(textOf(head, keyStart, keyEnd), exchange === '' ? DOT : view.spelling);
    const receives = rules.receives(exchange, key);
    // The view's bytes are used again.
    const bytes = Buffer.concat([head.subarray(exchangeStart, exchangeEnd), head.subarray(keyStart, keyEnd)]);
    const middle = exchangeEnd - exchangeStart;
    this.decisions ??= new RouteMemo();
    this.decisions.set(bytes, 0, middle, middle, bytes.length, receives);
    return receives;
  }
}
