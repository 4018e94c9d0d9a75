/**
 * What a vhost is made of: exchanges, queues, bindings; declared, compared, deleted, and written to the journal. Names,
 * rules and texts are RabbitMQ's where it has them, because its users' clients look at them.
 */
import { randomBytes } from 'node:crypto';
import type { Policy, PolicyKind } from '../../api/policies.ts';
import type { BindingInfo, BindOptions, ExchangeOptions, ExchangeType, QueueOptions } from '../../api/topology.ts';
import type { Share } from '../../clock/work.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Headers } from '../../message/properties.ts';
import { typeName } from '../../message/values.ts';
import { compareArgument, compareArguments, readArguments } from '../../queue/limits/arguments.ts';
import { Queue } from '../../queue/queue.ts';
import type { QueueOwner } from '../../queue/queue-services.ts';
import { Binding, bindingIdentity } from '../../routing/binding.ts';
import { Exchange } from '../../routing/exchange.ts';
import { checkType } from '../../routing/kinds/make.ts';
import type { Router } from '../../routing/router.ts';
import type { Journal } from '../journal/journal.ts';
import { checkBindingRoom, checkRoom, type TopologyLimits } from './limits.ts';
import { Policies } from './policies.ts';
import { queuePolicy } from './policy-definition.ts';

const NAME_BYTES_MAX = 255;
/** A queue name may be longer than what one protocol can say: other protocols derive names from their own. */
const QUEUE_NAME_BYTES_MAX = 65_535;
/** Bindings of a queue that is deleted: more are removed in parts. */
const UNBOUND_AT_ONCE = 64;
const PREDECLARED: readonly [string, ExchangeType, boolean][] = [
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.topic', 'topic', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
];

export class Topology {
  readonly exchanges = new Map<string, Exchange<Queue>>();
  readonly queues = new Map<string, Queue>();
  readonly queuesById = new Map<number, Queue>();
  /** Bindings by the queue they lead to. */
  private readonly bindingsByQueue = new Map<Queue, Set<Binding<Queue>>>();
  /** Queues that are deleted and have not let go of everything yet. */
  readonly leaving = new Set<Queue>();
  private nextQueue = 1;
  private readonly owner: QueueOwner;
  private readonly vhost: string;
  /** Set once the log is there; null while recovering, when nothing is written. */
  journal: Journal | null = null;
  router: Router<Queue> | null = null;

  readonly policies: Policies;
  /** They bound what is declared, not what is there from before. */
  limits: TopologyLimits = {};

  constructor(owner: QueueOwner, policies = new Policies()) {
    this.owner = owner;
    this.policies = policies;
    this.vhost = owner.vhost;
    for (const [name, type, internal] of PREDECLARED) {
      const options = { durable: true, autoDelete: false, internal, arguments: [] };
      this.exchanges.set(name, new Exchange(name, type, options));
    }
  }

  // --------------------------------------------------------------------------------------------------- exchanges

  /** Returns true if something durable was written. */
  declareExchange(name: string, type: string, options: ExchangeOptions): boolean {
    const known = this.exchanges.get(this.notDefault(name));
    checkType(type);
    if (known !== undefined) {
      this.compareExchange(known, type, options);
      return false;
    }
    if (name.startsWith('amq.')) {
      throw new BrokerError('access-refused', `exchange name '${name}' contains reserved prefix 'amq.*'`);
    }
    checkName('exchange', name, NAME_BYTES_MAX);
    if (this.journal !== null) {
      checkRoom('exchange', name, this.exchanges.size - PREDECLARED.length, this.limits.exchanges, this.vhost);
    }
    this.checkAlternate(name, options.arguments);
    const exchange = new Exchange<Queue>(name, type, options);
    if (exchange.durable) this.journal?.exchange(exchange);
    this.applyToExchange(exchange);
    this.exchanges.set(name, exchange);
    this.router?.exchangesChanged();
    return exchange.durable;
  }

  private checkAlternate(name: string, args: Headers): void {
    const alternate = args.find((header) => header.name === 'alternate-exchange');
    if (alternate === undefined || typeof alternate.value === 'string') return;
    throw new BrokerError(
      'precondition-failed',
      `invalid type '${typeName(alternate.value)}' for arg 'alternate-exchange' in exchange '${name}' in vhost '${this.vhost}'`,
    );
  }

  private compareExchange(known: Exchange<Queue>, type: string, options: ExchangeOptions): void {
    const what = `exchange '${known.name}' in vhost '${this.vhost}'`;
    compare('type', type, known.type, what);
    compare('durable', options.durable, known.durable, what);
    compare('auto_delete', options.autoDelete, known.autoDelete, what);
    compare('internal', options.internal, known.internal, what);
    compareArgument('alternate-exchange', options.arguments, known.arguments, what);
  }

  exchange(name: string): Exchange<Queue> {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new BrokerError('not-found', `no exchange '${name}' in vhost '${this.vhost}'`);
    return exchange;
  }

  /**
   * Deleting what is not there is no error (as RabbitMQ has it). Its bindings go in parts, if they are many; nothing is
   * routed through them any more.
   */
  deleteExchange(name: string, ifUnused: boolean, share: Share = this.owner.chores): boolean {
    const exchange = this.exchanges.get(this.notDefault(name));
    if (name.startsWith('amq.')) {
      throw new BrokerError(
        'access-refused',
        `deletion of system exchange '${name}' in vhost '${this.vhost}' not allowed`,
      );
    }
    if (exchange === undefined) return false;
    if (ifUnused && exchange.bindings.size > 0) {
      throw new BrokerError('precondition-failed', `exchange '${name}' in vhost '${this.vhost}' in use`);
    }
    if (exchange.durable) this.journal?.exchangeDeleted(name);
    this.exchanges.delete(name);
    exchange.deleted = true;
    this.router?.exchangesChanged();
    this.inParts(share, exchange.bindings.values(), (binding) => this.dropBinding(binding));
    // Where one of several bindings is chosen it must not be one that leads here.
    for (const binding of [...exchange.incoming]) if (binding.source.kind.choosesOne) this.unbindAndPrune(binding);
    this.inParts(share, exchange.incoming.values(), (binding) => this.prune(binding));
    return exchange.durable;
  }

  // ------------------------------------------------------------------------------------------------------ queues

  /** @param exclusiveTo the session, if the queue is to be exclusive */
  declareQueue(name: string, options: QueueOptions, exclusiveTo: object | null): { queue: Queue; wrote: boolean } {
    const known = this.find(name);
    if (known !== undefined) {
      this.checkAccess(known, exclusiveTo ?? undefined);
      this.compareQueue(known, options);
      known.touch();
      return { queue: known, wrote: false };
    }
    const settings = readArguments(name, this.vhost, options);
    const full = name === '' ? `amq.gen-${randomBytes(16).toString('base64url')}` : name;
    if (name.startsWith('amq.') && options.ownUse !== true) {
      throw new BrokerError('access-refused', `queue name '${name}' contains reserved prefix 'amq.*'`);
    }
    checkName('queue', full, QUEUE_NAME_BYTES_MAX);
    checkRoom('queue', full, this.queues.size, this.limits.queues, this.vhost);
    const queue = new Queue(
      this.owner,
      this.nextQueue,
      full,
      options,
      settings,
      options.exclusive ? exclusiveTo : null,
    );
    // An exclusive queue goes with its session, so it never outlives a restart.
    const wrote = queue.durable && !options.exclusive;
    if (wrote) this.journal?.queue(queue);
    this.nextQueue++;
    if (!this.policies.empty) this.applyToQueue(queue);
    this.addQueue(queue);
    queue.begin();
    return { queue, wrote };
  }

  /** At recovery, and when declared. */
  addQueue(queue: Queue): void {
    this.queues.set(queue.name, queue);
    this.queuesById.set(queue.id, queue);
    this.router?.queueChanged(queue.name);
  }

  private compareQueue(known: Queue, options: QueueOptions): void {
    const what = `queue '${known.name}' in vhost '${this.vhost}'`;
    // Not one setting among others: whose it is comes first, and is told in the words a stranger hears.
    if (options.exclusive !== known.options.exclusive) throw this.locked(known);
    compare('durable', options.durable, known.options.durable, what);
    compare('auto_delete', options.autoDelete, known.options.autoDelete, what);
    compareArguments(options.arguments, known.options.arguments, what);
  }

  /** @throws not-found, resource-locked */
  queue(name: string, session: object): Queue {
    const queue = this.find(name);
    if (queue === undefined) throw new BrokerError('not-found', `no queue '${name}' in vhost '${this.vhost}'`);
    this.checkAccess(queue, session);
    return queue;
  }

  /** A queue whose owner has gone is not there any more, whether it has gone yet or not. */
  find(name: string): Queue | undefined {
    const queue = this.queues.get(name);
    if (queue?.abandoned !== true) return queue;
    this.deleteQueue(queue);
    return undefined;
  }

  private checkAccess(queue: Queue, session: object | undefined): void {
    if (queue.exclusiveTo !== null && queue.exclusiveTo !== session) throw this.locked(queue);
  }

  private locked(queue: Queue): BrokerError {
    return new BrokerError(
      'resource-locked',
      `cannot obtain exclusive access to locked queue '${queue.name}' in vhost '${this.vhost}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
    );
  }

  /** At recovery nothing is left for later. */
  private inParts<T>(share: Share, each: Iterator<T>, act: (one: T) => void, done: () => void = () => {}): void {
    const { work } = share;
    const recovering = this.journal === null;
    const step = (): boolean => {
      for (;;) {
        const next = each.next();
        if (next.done === true) return true;
        act(next.value);
        work.spend(1);
        if (work.over && !recovering) return false;
      }
    };
    if (!recovering) share.run(step, done);
    else if (step()) done();
  }

  /**
   * Returns how many messages went with it, and whether that was written. What is over by now ends as it should first. What it held and its bindings go in parts, if they
   * are many; nothing is routed to it any more.
   */
  deleteQueue(queue: Queue, share: Share = this.owner.chores): { messages: number; wrote: boolean } {
    queue.catchUp();
    const wrote = queue.durable && !queue.options.exclusive;
    if (wrote) this.journal?.queueDeleted(queue);
    this.queues.delete(queue.name);
    this.queuesById.delete(queue.id);
    const bindings = this.bindingsByQueue.get(queue);
    this.bindingsByQueue.delete(queue);
    this.router?.queueChanged(queue.name);
    this.leaving.add(queue);
    const messages = queue.delete(share, () => this.leaving.delete(queue));
    if (bindings !== undefined) this.unbindAll(bindings, share);
    return { messages, wrote };
  }

  /** The queue that they lead to is gone, and nothing is routed to it. */
  private unbindAll(bindings: ReadonlySet<Binding<Queue>>, share: Share): void {
    if (bindings.size > UNBOUND_AT_ONCE) this.router?.bindingsChanged();
    const many = bindings.size > UNBOUND_AT_ONCE && this.journal !== null;
    const rest: Binding<Queue>[] = [];
    for (const binding of bindings) {
      // Where one of them is chosen it must not be this one.
      if (many && !binding.source.kind.choosesOne) rest.push(binding);
      else this.unbindAndPrune(binding);
    }
    if (rest.length > 0) this.inParts(share, rest.values(), (binding) => this.prune(binding));
  }

  // ---------------------------------------------------------------------------------------------------- policies

  /**
   * Sets a policy, in force at once; for very many queues in parts. @throws BrokerError invalid, not-allowed
   * @param done it is in force everywhere
   */
  setPolicy(policy: Policy, done: () => void = () => {}): void {
    this.policies.set(policy);
    this.applyPolicies(done);
  }

  /** False if there was none. @throws BrokerError not-allowed */
  clearPolicy(kind: PolicyKind, name: string, done: () => void = () => {}): boolean {
    const found = this.policies.clear(kind, name);
    if (found) this.applyPolicies(done);
    else done();
    return found;
  }

  /** Policies have changed: everything gets what is in force for it now. */
  applyPolicies(done: () => void = () => {}): void {
    this.policies.prepare([...this.exchanges.keys(), ...this.queues.keys()]);
    for (const exchange of this.exchanges.values()) this.applyToExchange(exchange);
    this.router?.exchangesChanged();
    this.inParts(this.owner.chores, this.queues.values(), (queue) => this.applyToQueue(queue), done);
  }

  private applyToQueue(queue: Queue): void {
    const { definition } = this.policies.forQueue(queue.name, queue.options.arguments);
    queue.apply(definition === undefined ? null : queuePolicy(definition));
  }

  private applyToExchange(exchange: Exchange<Queue>): void {
    const alternate = this.policies.forExchange(exchange.name).definition?.['alternate-exchange'];
    exchange.alternate = exchange.declaredAlternate ?? (typeof alternate === 'string' ? alternate : null);
  }

  // ---------------------------------------------------------------------------------------------------- bindings

  /** Returns true if something durable was written. Binding again what is bound changes its subscription data. */
  bind(sourceName: string, queue: Queue | null, toExchange: string | null, key: string, options: BindOptions): boolean {
    const source = this.sourceOf(sourceName);
    const exchange = toExchange === null ? null : this.exchange(this.notDefault(toExchange));
    source.kind.checkBinding(key, options);
    const known = source.bindings.get(bindingIdentity(queue, exchange, key, options));
    if (known === undefined && queue !== null && this.journal !== null) {
      const count = this.bindingsByQueue.get(queue)?.size ?? 0;
      checkBindingRoom(queue.name, count, this.limits.bindingsPerQueue, this.vhost);
    }
    const binding = known ?? new Binding(source, queue, exchange, key, options);
    if (known !== undefined) {
      if (sameData(known, options)) return false;
      known.update(options);
    }
    const wrote = isDurable(binding);
    if (wrote) this.journal?.bound(binding);
    if (known === undefined) this.addBinding(binding);
    this.router?.bindingChanged(binding);
    return wrote;
  }

  private addBinding(binding: Binding<Queue>): void {
    binding.source.add(binding);
    if (binding.queue === null) {
      binding.exchange!.incoming.add(binding);
      return;
    }
    const bindings = this.bindingsByQueue.get(binding.queue);
    if (bindings === undefined) this.bindingsByQueue.set(binding.queue, new Set([binding]));
    else bindings.add(binding);
  }

  unbind(
    sourceName: string,
    queue: Queue | null,
    toExchange: string | null,
    key: string,
    options: BindOptions,
  ): boolean {
    const source = this.exchanges.get(this.notDefault(sourceName));
    const exchange = toExchange === null ? null : this.exchanges.get(this.notDefault(toExchange));
    if (source === undefined || exchange === undefined) return false;
    const binding = source.bindings.get(bindingIdentity(queue, exchange, key, options));
    if (binding === undefined) return false;
    const wrote = isDurable(binding);
    if (wrote) this.journal?.unbound(binding);
    this.unbindAndPrune(binding);
    return wrote;
  }

  /** Removes a binding, and its source if that is an auto-delete exchange which has no other. */
  private unbindAndPrune(binding: Binding<Queue>): void {
    this.router?.bindingChanged(binding);
    this.prune(binding);
  }

  private prune(binding: Binding<Queue>): void {
    this.dropBinding(binding);
    const source = binding.source;
    if (source.autoDelete && source.bindings.size === 0 && this.exchanges.get(source.name) === source) {
      this.deleteExchange(source.name, false);
    }
  }

  private dropBinding(binding: Binding<Queue>): void {
    binding.source.remove(binding);
    if (binding.queue !== null) this.bindingsByQueue.get(binding.queue)?.delete(binding);
    else binding.exchange!.incoming.delete(binding);
  }

  private sourceOf(name: string): Exchange<Queue> {
    return this.exchange(this.notDefault(name));
  }

  private notDefault(name: string): string {
    if (name === '') throw new BrokerError('access-refused', 'operation not permitted on the default exchange');
    return name;
  }

  bindingsOf(queue: Queue): BindingInfo[] {
    const bindings = [...(this.bindingsByQueue.get(queue) ?? [])].filter(({ source }) => !source.deleted);
    return bindings.map((binding) => ({
      exchange: binding.source.name,
      key: binding.key,
      options: binding.options,
    }));
  }

  // -------------------------------------------------------------------------------------------------- checkpoints

  /** The number that the next queue gets. */
  get queueNumbers(): number {
    return this.nextQueue;
  }

  durableExchanges(): Exchange<Queue>[] {
    return [...this.exchanges.values()].filter((exchange) => exchange.durable && !exchange.name.startsWith('amq.'));
  }

  durableQueues(): Queue[] {
    return [...this.queues.values()].filter((queue) => queue.durable && !queue.options.exclusive);
  }

  durableBindings(): Binding<Queue>[] {
    return [...this.exchanges.values()].flatMap((exchange) => [...exchange.bindings.values()].filter(isDurable));
  }

  /** Whether a binding that was listed before is still there. */
  isBound(binding: Binding<Queue>): boolean {
    return (
      isDurable(binding) &&
      binding.source.bindings.get(binding.identity) === binding &&
      this.exchanges.get(binding.source.name) === binding.source
    );
  }

  recoverNextQueue(next: number): void {
    this.nextQueue = Math.max(this.nextQueue, next);
  }
}

function isDurable(binding: Binding<Queue>): boolean {
  if (!binding.source.durable || binding.source.deleted) return false;
  if (binding.queue !== null)
    return !binding.queue.deleted && binding.queue.durable && !binding.queue.options.exclusive;
  return binding.exchange!.durable && !binding.exchange!.deleted;
}

function sameData(binding: Binding<Queue>, options: BindOptions): boolean {
  const before = binding.options;
  return (
    before.assurance === (options.assurance ?? 2) &&
    before.hideReserved === (options.hideReserved ?? false) &&
    before.keepRetain === (options.keepRetain ?? false) &&
    before.notOwn === (options.notOwn ?? false) &&
    before.data === (options.data ?? 0)
  );
}

function checkName(what: string, name: string, bytesMax: number): void {
  if (Buffer.byteLength(name) > bytesMax) {
    throw new BrokerError('precondition-failed', `the ${what} name is longer than ${bytesMax} bytes`);
  }
}

function compare(name: string, received: string | boolean, current: string | boolean, what: string): void {
  if (received === current) return;
  throw new BrokerError(
    'precondition-failed',
    `inequivalent arg '${name}' for ${what}: received '${received}' but current is '${current}'`,
  );
}
