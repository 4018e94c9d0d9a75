/** The part of a session that publishes, and that waits where publishers have to: what each call means is said at `Session`. */
import type { BodyWriter } from '../../api/bodies.ts';
import type { Mark } from '../../api/confirms.ts';
import type { Route } from '../../api/route.ts';
import type { SessionClient } from '../../api/session.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Draft, Spelling } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { WaitingPublisher } from '../../vhost/flow/subscriber-flow-control.ts';
import { countPublish } from '../../vhost/publish/count-publish.ts';
import type { PublishingClient, RestOfDeliveries } from '../../vhost/publish/direct-deliveries.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { ConnectionLimits } from '../client-limits.ts';
import type { Permissions } from './permissions.ts';
import { PublishRate } from './publish-rate.ts';

/** What a message takes up beside its body, roughly. */
const MESSAGE_BYTES = 100;

export class SessionPublishing implements WaitingPublisher, PublishingClient {
  private readonly vhost: Vhost;
  private readonly permissions: Permissions;
  private readonly client: SessionClient;
  private readonly share: Share;
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
  /** Null: it may publish as fast as it likes. */
  private readonly rate: PublishRate | null;

  /** @param consuming what the client consumes: it may owe settlements */
  constructor(
    vhost: Vhost,
    permissions: Permissions,
    client: SessionClient,
    share: Share,
    consuming: { readonly holds: boolean },
    limits: ConnectionLimits,
    traffic: ProtocolTraffic,
  ) {
    this.traffic = traffic;
    this.vhost = vhost;
    this.permissions = permissions;
    this.client = client;
    this.share = share;
    this.consuming = consuming;
    const { publishRate: messages, publishBytes: bytes } = limits;
    const limited = client.transport !== undefined && (messages !== undefined || bytes !== undefined);
    this.rate = limited ? new PublishRate(vhost.clock, { messages, bytes }, () => this.goOn()) : null;
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
    if (draft.large !== null) this.bodies?.delete(draft.large as StoredBody);
    const mark = this.vhost.publisher.publishFrom(this, route, draft);
    countPublish(this.traffic, this.vhost.publisher, draft, mark);
    if (!this.publishes) {
      this.publishes = true;
      this.traffic.publishers++;
    }
    this.waitIfBehind();
    const bodyBytes = draft.large?.length ?? draft.bodyEnd - draft.bodyStart;
    this.sent(bodyBytes + MESSAGE_BYTES);
    if (this.rate !== null) this.rate.took(bodyBytes);
    return mark;
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
    this.permissions.demandPublishing(route.exchange === null ? '' : route.exchange.name);
    this.permitted(route);
  }

  openBody(length: number, durable: boolean): BodyWriter {
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
  deliverRest(rest: RestOfDeliveries): void {
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

  /** It has published faster than it may. */
  get paced(): boolean {
    return this.rate?.waiting === true;
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
    this.rate?.close();
    this.vhost.subscriberFlow.forget(this);
    if (this.bodies !== null) for (const body of this.bodies) body.abort();
  }
}
