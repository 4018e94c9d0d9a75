/** The part of a session that publishes, and that waits where publishers have to: what each call means is said at `Session`. */
import type { BodyWriter } from '../../api/bodies.ts';
import type { Mark } from '../../api/confirms.ts';
import type { Route } from '../../api/route.ts';
import type { SessionClient } from '../../api/session.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { HalfMessage } from '../../message/half-message.ts';
import type { Draft, Retainer, Spelling } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { Party } from '../../queue/passport-notes.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { WaitingPublisher } from '../../vhost/flow/subscriber-flow-control.ts';
import { countPublish } from '../../vhost/publish/count-publish.ts';
import type { PublishingClient } from '../../vhost/publish/direct-deliveries.ts';
import type { PublishBound } from '../../vhost/publish/publish-bound.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Membership } from '../limits/membership.ts';
import { type PacedPublisher, PublishRate } from '../limits/publish-rate.ts';
import { partyOf } from './party.ts';
import type { Permissions } from './permissions.ts';

/** What a message takes up beside its body, roughly. */
const MESSAGE_BYTES = 100;

export class SessionPublishing implements WaitingPublisher, PublishingClient, PacedPublisher {
  private readonly vhost: Vhost;
  private readonly permissions: Permissions;
  private readonly client: SessionClient;
  readonly share: Share;
  private readonly consuming: { readonly holds: boolean };
  private readonly traffic: ProtocolTraffic;
  private closed = false;
  /** It counts among those that publish. */
  private publishes = false;
  /** Publishing waits for a direct subscriber, or for the consumers of a queue. */
  private stalled = false;
  /** What it has published is still under way to direct subscribers. */
  private delivering = 0;
  /** Bodies that are arriving; null while there has been none. */
  private bodies: Set<StoredBody> | null = null;
  /** Bytes that it has published since the vhost's flow control began this period. */
  private sentBytes = 0;
  private period = 0;
  /** Null until somebody asked. */
  private named: Party | null = null;
  private retains: Retainer | null = null;
  private readonly membership: Membership;
  /** Its own, if it has one. */
  private ownRate: PublishRate | null = null;
  /** All that it has to keep to; null: it may publish as fast as it likes. */
  private rates: readonly PublishRate[] | null = null;
  /** Of the body of a message. */
  private messageBytesMax = Number.POSITIVE_INFINITY;
  /** How much it may have waiting; null: any number. */
  bound: PublishBound | null = null;

  /** @param consuming what the client consumes: it may owe settlements */
  constructor(
    vhost: Vhost,
    permissions: Permissions,
    client: SessionClient,
    share: Share,
    consuming: { readonly holds: boolean },
    membership: Membership,
    traffic: ProtocolTraffic,
  ) {
    this.traffic = traffic;
    this.vhost = vhost;
    this.permissions = permissions;
    this.client = client;
    this.share = share;
    this.consuming = consuming;
    this.membership = membership;
    this.takeLimits();
  }

  /** Who publishes, where that is noted. */
  get party(): Party {
    this.named ??= partyOf(this.client, this.permissions.identity.user);
    return this.named;
  }

  /** Who has what it publishes retained; null where nobody asks. */
  get retainer(): Retainer | null {
    const { client, permissions, vhost } = this;
    if (!vhost.retainers.asked || permissions.unquestioned) return null;
    this.retains ??= { user: permissions.identity.user, clientId: client.clientId ?? '' };
    return this.retains;
  }

  /** Limits have changed, or it begins. */
  takeLimits(): void {
    const { client, membership, vhost } = this;
    const { publishRate: messages, publishBytes: bytes } = membership.limits;
    const rates = membership.sharedRates;
    if (client.transport !== undefined && (messages !== undefined || bytes !== undefined)) {
      this.ownRate ??= new PublishRate(vhost.clock);
      this.ownRate.change({ messages, bytes });
      rates.push(this.ownRate);
    } else {
      this.ownRate?.close();
      this.ownRate = null;
    }
    const wasPaced = this.rates !== null;
    this.rates = rates.length > 0 ? rates : null;
    this.messageBytesMax = membership.messageBytesMax;
    this.bound = membership.backlogBound(vhost.store);
    if (wasPaced) this.goOn();
  }

  route(exchange: string, spelling: Spelling, key: Buffer, start: number, end: number): Route {
    this.permissions.demandPublishing(exchange);
    return this.permitted(this.vhost.router.route(exchange, spelling, key, start, end, this.vhost.name));
  }

  routeAll(exchange: string, spelling: Spelling, keys: readonly string[]): Route {
    this.permissions.demandPublishing(exchange);
    return this.permitted(this.vhost.router.routeAll(exchange, spelling, keys, this.vhost.name));
  }

  /** What is left to ask once the exchange is known: its topics, of each of the keys. */
  private permitted(route: CompiledRoute<Queue>): Route {
    const { exchange, key, keys, spelling } = route;
    if (exchange === null) return route;
    if (exchange.internal) {
      throw new BrokerError(
        'access-refused',
        `cannot publish to internal exchange '${exchange.name}' in vhost '${this.vhost.name}'`,
      );
    }
    if (keys === null) this.permissions.demandTopic('write', exchange, key);
    else for (const one of keys) this.permissions.demandTopic('write', exchange, dotted(one, spelling));
    return route;
  }

  publish(route: Route, draft: Draft): Mark {
    if (!route.valid) this.askAgain(route as CompiledRoute<Queue>);
    if (draft.half !== null) this.demandHalf(draft.half);
    if (draft.retain) draft.retainer = this.retainer;
    if (draft.large !== null) this.bodies?.delete(draft.large as StoredBody);
    const bodyBytes = draft.large?.length ?? draft.bodyEnd - draft.bodyStart;
    this.checkSize(bodyBytes);
    const mark = this.vhost.publisher.publishFrom(this, route, draft);
    countPublish(this.traffic, this.vhost.publisher, draft, mark);
    if (!this.publishes) {
      this.publishes = true;
      this.traffic.publishers++;
    }
    this.waitIfBehind();
    this.sent(bodyBytes + MESSAGE_BYTES);
    this.published(bodyBytes);
    return mark;
  }

  /**
   * The broker publishes to a check address in its sender's name, and what is committed goes where it was to go when it was prepared: either
   * would be a way around what the sender may not do by himself now.
   * @throws BrokerError access-refused
   */
  demandHalf({ action, id, checkAddress, user }: HalfMessage): void {
    const { permissions, vhost } = this;
    permissions.ofBegun(() => {
      if (action === 'prepare' && checkAddress !== '') {
        const route = vhost.half.routeTo(checkAddress);
        permissions.demandPublishing(route.exchange === null ? '' : route.exchange.name);
        this.permitted(route);
      }
      const address = action === 'commit' ? vhost.half.addressOf(user, id) : undefined;
      if (address === undefined) return;
      const { exchange, exchangeName, keys } = address;
      permissions.demandPublishing(exchangeName);
      if (exchange !== undefined) for (const key of keys) permissions.demandTopic('write', exchange, key);
    });
  }

  /** @throws LimitError the body of a message is larger than it may be */
  checkSize(bodyBytes: number): void {
    if (bodyBytes > this.messageBytesMax) throw this.membership.tooLarge(bodyBytes, this.messageBytesMax);
  }

  /** Messages of this client have been published, at once or with a transaction. @param bodyBytes of all of them */
  published(bodyBytes: number, messages = 1): void {
    if (this.rates !== null) for (const rate of this.rates) rate.took(bodyBytes, messages);
  }

  private sent(bytes: number): void {
    const { period } = this.vhost.publishFlow;
    if (this.period !== period) {
      this.period = period;
      this.sentBytes = 0;
    }
    this.sentBytes += bytes;
  }

  /** Something has changed while the message was on its way in: what its user may do, perhaps. @throws BrokerError access-refused */
  askAgain(route: CompiledRoute<Queue>): void {
    this.permissions.ofBegun(() => {
      this.permissions.demandPublishing(route.exchange === null ? '' : route.exchange.name);
      this.permitted(route);
    });
  }

  openBody(length: number, durable: boolean): BodyWriter {
    this.checkSize(length);
    const body = this.vhost.publisher.openBody(length, durable);
    this.bodies ??= new Set();
    this.bodies.add(body);
    return body;
  }

  // ------------------------------------------------------------------------------------------------------ waiting

  private waitIfBehind(): void {
    const { subscriberFlow } = this.vhost;
    if (subscriberFlow.pending && subscriberFlow.wait(this)) this.stalled = true;
  }

  /** What it has just published is delivered in parts, and it waits until that is done. */
  deliverRest(rest: { step(): boolean }): void {
    this.delivering++;
    this.stalled = true;
    this.share.run(
      () => rest.step(),
      () => {
        this.delivering--;
        this.stalled = false;
        this.waitIfBehind();
        if (!this.stalled) this.released();
      },
    );
  }

  get congested(): boolean {
    return this.stalled || this.heldBack || this.paced;
  }

  /** It waits for the vhost: with a body under way in any case, which is much. */
  private get heldBack(): boolean {
    const { publishFlow } = this.vhost;
    if (!publishFlow.on) return false;
    return (this.bodies !== null && this.bodies.size > 0) || publishFlow.holds(this.period, this.sentBytes);
  }

  /** It, or it and those it shares a rate with, have published faster than they may. Who asks hears when that is over. */
  get paced(): boolean {
    if (this.rates === null) return false;
    for (const rate of this.rates) {
      if (!rate.waiting) continue;
      rate.wait(this);
      return true;
    }
    return false;
  }

  paceEased(): void {
    this.goOn();
  }

  get owesSettlements(): boolean {
    return this.consuming.holds;
  }

  /** The consumers that this publisher waited for have caught up, or were given up. */
  released(): void {
    if (this.delivering > 0) return;
    this.stalled = false;
    this.goOn();
  }

  private goOn(): void {
    if (!this.closed && !this.congested) this.client.uncongested();
  }

  close(): void {
    this.closed = true;
    if (this.publishes) this.traffic.publishers--;
    if (this.rates !== null) for (const rate of this.rates) rate.forget(this);
    this.ownRate?.close();
    this.vhost.subscriberFlow.forget(this);
    if (this.bodies !== null) for (const body of this.bodies) body.abort();
  }
}
