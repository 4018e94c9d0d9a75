/**
 * Exchanges and queues of a vhost: declared, compared, deleted, and written to the journal. Names, rules and texts are
 * RabbitMQ's where it has them, because its users' clients look at them.
 */
import { randomBytes } from 'node:crypto';
import type { BindingInfo, BindOptions, ExchangeOptions, QueueOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import { Queue } from '../../queue/queue.ts';
import type { QueueServices } from '../../queue/queue-services.ts';
import type { Binding, ExchangeRef } from '../../routing/binding.ts';
import { Exchange } from '../../routing/exchange.ts';
import { checkType } from '../../routing/kinds/exchange-types.ts';
import type { Router } from '../../routing/router.ts';
import type { HalfMessageRules } from '../half/rules.ts';
import { AppliedPolicies } from './applied-policies.ts';
import { Bindings } from './bindings.ts';
import { checkExchange, checkedQueue, compareExchange, compareQueue, locked, notDefault } from './compare.ts';
import { inParts } from './in-parts.ts';
import { checkRoom, type LimitsInForce } from './limits.ts';
import type { Policies } from './policies.ts';
import type { Registry } from './registry.ts';
import type { TopologyJournal } from './topology-journal.ts';

/** Bindings of a queue that is deleted: more are removed in parts. */
const UNBOUND_AT_ONCE = 64;

/** A name for a queue that its client gives none. */
export function generatedName(): string {
  return `amq.gen-${randomBytes(16).toString('base64url')}`;
}

export interface TopologyParts {
  readonly registry: Registry;
  readonly router: Router<Queue>;
  readonly journal: TopologyJournal;
  /** What its queues ask of the vhost. */
  readonly services: QueueServices<Queue>;
  readonly policies: Policies;
  /** They bound what is declared, not what is there from before. */
  readonly limits: LimitsInForce;
}

export class Topology {
  readonly registry: Registry;
  readonly bindings: Bindings;
  readonly policies: Policies;
  readonly appliedPolicies: AppliedPolicies;
  private readonly router: Router<Queue>;
  private readonly journal: TopologyJournal;
  private readonly services: QueueServices<Queue>;
  private readonly limits: LimitsInForce;
  private readonly vhost: string;

  constructor(parts: TopologyParts) {
    const { registry, router, journal, services, policies, limits } = parts;
    this.registry = registry;
    this.router = router;
    this.journal = journal;
    this.services = services;
    this.limits = limits;
    this.policies = policies;
    this.vhost = registry.vhost;
    const { chores, windowMemory } = services;
    this.appliedPolicies = new AppliedPolicies({ policies, registry, router, journal, chores, windowMemory });
    const deleteUnbound = ({ name }: ExchangeRef<Queue>): void => {
      this.deleteExchange(name, false);
    };
    this.bindings = new Bindings({ registry, router, journal, limits, deleteUnbound });
  }

  get exchanges(): ReadonlyMap<string, Exchange<Queue>> {
    return this.registry.exchanges;
  }

  get queues(): ReadonlyMap<string, Queue> {
    return this.registry.queues;
  }

  get queuesById(): ReadonlyMap<number, Queue> {
    return this.registry.queuesById;
  }

  // --------------------------------------------------------------------------------------------------- exchanges

  /**
   * Returns true if something durable was written. @throws BrokerError invalid, access-refused, precondition-failed (there is
   * another one of that name; a limit)
   */
  declareExchange(name: string, type: string, options: ExchangeOptions): boolean {
    const known = this.exchanges.get(notDefault(name));
    checkType(type);
    if (known !== undefined) {
      compareExchange(known, type, options, this.vhost);
      return false;
    }
    checkExchange(name, type, options, this.vhost);
    checkRoom('exchange', name, this.registry.declaredExchanges, this.limits, this.vhost);
    const exchange = new Exchange<Queue>(name, type, options);
    if (exchange.durable) this.journal.exchange(exchange);
    this.addExchange(exchange);
    return exchange.durable;
  }

  /** When declared, and at recovery. */
  addExchange(exchange: Exchange<Queue>): void {
    this.appliedPolicies.applyToExchange(exchange);
    this.registry.exchanges.set(exchange.name, exchange);
    this.router.exchangesChanged();
  }

  /**
   * Returns true if something durable was written. Deleting what is not there is no error (as RabbitMQ has it). Its bindings go
   * in parts, if they are many; nothing is routed through them any more.
   * @throws BrokerError access-refused, precondition-failed (`ifUnused`, and it has bindings)
   */
  deleteExchange(name: string, ifUnused: boolean, share: Share = this.services.chores): boolean {
    const exchange = this.exchanges.get(notDefault(name));
    this.checkDeletable(name);
    if (exchange === undefined) return false;
    if (ifUnused && exchange.bindings.size > 0) {
      throw new BrokerError('precondition-failed', `exchange '${name}' in vhost '${this.vhost}' in use`);
    }
    if (exchange.durable) this.journal.exchangeDeleted(name);
    this.registry.exchanges.delete(name);
    exchange.deleted = true;
    this.router.exchangesChanged();
    inParts(share, exchange.bindings.values(), (binding) => this.bindings.drop(binding));
    // Where one of several bindings is chosen it must not be one that leads here.
    for (const binding of [...exchange.incoming]) {
      if (binding.source.kind.choosesOne) this.bindings.removeAndTell(binding);
    }
    inParts(share, exchange.incoming.values(), (binding) => this.bindings.remove(binding));
    return exchange.durable;
  }

  /** @throws BrokerError access-refused: one that is predeclared */
  checkDeletable(name: string): void {
    if (!notDefault(name).startsWith('amq.')) return;
    throw new BrokerError(
      'access-refused',
      `deletion of system exchange '${name}' in vhost '${this.vhost}' not allowed`,
    );
  }

  // ------------------------------------------------------------------------------------------------------ queues

  /**
   * @param name '' for a name that the broker makes
   * @param exclusiveTo the session, if the queue is to be exclusive
   * @param made the name that the broker has made already (`generatedName`); '' for none
   * @throws BrokerError access-refused, resource-locked, precondition-failed (there is another one of that name; arguments; a limit)
   */
  declareQueue(
    name: string,
    options: QueueOptions,
    exclusiveTo: object | null,
    made = '',
  ): { queue: Queue; wrote: boolean; made: boolean } {
    this.registry.churn.declared++;
    const known = this.find(name);
    if (known !== undefined) {
      this.checkAccess(known, exclusiveTo ?? undefined);
      compareQueue(known, options, this.vhost);
      known.touch();
      return { queue: known, wrote: false, made: false };
    }
    const settings = checkedQueue(name, options, this.vhost);
    const full = name === '' ? made || generatedName() : name;
    checkRoom('queue', full, this.queues.size, this.limits, this.vhost);
    const { registry } = this;
    const exclusive = options.exclusive ? exclusiveTo : null;
    const queue = new Queue(this.services, registry.nextQueue, full, options, settings, exclusive);
    // An exclusive queue goes with its session, so it never outlives a restart.
    const wrote = queue.durable && !options.exclusive;
    if (wrote) this.journal.queue(queue);
    registry.nextQueue++;
    registry.churn.created++;
    if (!this.policies.empty) this.appliedPolicies.applyToQueue(queue);
    registry.addQueue(queue);
    this.router.queueChanged(queue.name);
    queue.begin();
    return { queue, wrote, made: true };
  }

  /** The queue, for a client that may use it. @throws BrokerError not-found, resource-locked */
  queue(name: string, session: object): Queue {
    const queue = this.find(name);
    if (queue === undefined) throw new BrokerError('not-found', `no queue '${name}' in vhost '${this.vhost}'`);
    this.checkAccess(queue, session);
    return queue;
  }

  /** What policies say of half messages to an exchange with a key. */
  halfMessagePolicy(exchange: string, key: string): Partial<HalfMessageRules> {
    const queue = exchange === '' ? this.queues.get(key) : undefined;
    return this.policies.forHalf(exchange, queue && { name: key, args: queue.options.arguments });
  }

  /** A queue whose owner has gone is not there any more, whether it has gone yet or not. */
  find(name: string): Queue | undefined {
    const queue = this.queues.get(name);
    if (queue?.abandoned !== true) return queue;
    this.deleteQueue(queue);
    return undefined;
  }

  private checkAccess(queue: Queue, session: object | undefined): void {
    if (queue.exclusiveTo !== null && queue.exclusiveTo !== session) throw locked(queue, this.vhost);
  }

  /**
   * Returns how many messages went with it, and whether that was written. What is over by now ends as it should first. What it
   * held and its bindings go in parts, if they are many; nothing is routed to it any more.
   */
  deleteQueue(queue: Queue, share: Share = this.services.chores): { messages: number; wrote: boolean } {
    queue.catchUp();
    const wrote = queue.durable && !queue.options.exclusive;
    if (wrote) this.journal.queueDeleted(queue);
    const { registry } = this;
    registry.removeQueue(queue);
    const bindings = this.bindings.take(queue);
    this.router.queueChanged(queue.name);
    const messages = queue.delete(share, () => registry.leaving.delete(queue));
    if (bindings !== undefined) this.unbindAll(bindings, share);
    return { messages, wrote };
  }

  /** The queue that they lead to is gone, and nothing is routed to it. */
  private unbindAll(bindings: ReadonlySet<Binding<Queue>>, share: Share): void {
    const many = bindings.size > UNBOUND_AT_ONCE;
    if (many) this.router.bindingsChanged();
    const rest: Binding<Queue>[] = [];
    for (const binding of bindings) {
      // Where one of them is chosen it must not be this one.
      if (many && !binding.source.kind.choosesOne) rest.push(binding);
      else this.bindings.removeAndTell(binding);
    }
    if (rest.length > 0) inParts(share, rest.values(), (binding) => this.bindings.remove(binding));
  }

  // ---------------------------------------------------------------------------------------------------- bindings

  /** See `Bindings.bind`. */
  bind(source: string, queue: Queue | null, toExchange: string | null, key: string, options: BindOptions): boolean {
    return this.bindings.bind(source, queue, toExchange, key, options);
  }

  /** See `Bindings.unbind`. */
  unbind(source: string, queue: Queue | null, toExchange: string | null, key: string, options: BindOptions): boolean {
    return this.bindings.unbind(source, queue, toExchange, key, options);
  }

  bindingsOf(queue: Queue): BindingInfo[] {
    return this.bindings.of(queue);
  }
}
