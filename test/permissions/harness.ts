/** A broker whose users may do what a test says, and says otherwise later; and clients that ask, by protocol. */
import amqplib, { type Channel, type ChannelModel } from 'amqplib';
import type {
  AccessRequest,
  Authenticator,
  Compatibility,
  Credentials,
  Identity,
  Refusal,
} from '../../src/api/index.ts';
import { RuledAccess } from '../../src/auth/permissions/ruled-access.ts';
import type { AccessRules, PermissionPatterns, TopicPatterns } from '../../src/auth/permissions/rules.ts';
import type { Clock } from '../../src/clock/clock.ts';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import type { Issued } from '../support/certificates.ts';

export const ALL: PermissionPatterns = { configure: '.*', write: '.*', read: '.*' };

/** What one user may do; undefined: it has no permission. */
export type Rules = (Partial<PermissionPatterns> & { readonly topics?: readonly TopicPatterns[] }) | undefined;

/** Knows everybody by the password `p`; `admin` may do all, others what has been said of them last, and nothing before. */
export class RulesByUser implements Authenticator, AccessRules {
  private readonly access = new RuledAccess(this);
  private readonly rules = new Map<string, Rules>([['admin', {}]]);
  private readonly tags = new Map<string, readonly string[]>([['admin', ['administrator']]]);
  private readonly listeners: (() => void)[] = [];

  set(user: string, rules: Rules): void {
    this.rules.set(user, rules);
    for (const listener of this.listeners) listener();
  }

  /** What he may do over HTTP at all; nothing before. */
  setTags(user: string, tags: readonly string[]): void {
    this.tags.set(user, tags);
    for (const listener of this.listeners) listener();
  }

  tagsOf({ user }: Identity): readonly string[] {
    return this.tags.get(user) ?? [];
  }

  permissionsOf(user: string): PermissionPatterns | undefined {
    const rules = this.rules.get(user);
    return rules === undefined ? undefined : { ...ALL, ...rules };
  }

  topicPermissionsOf(user: string): readonly TopicPatterns[] {
    return this.rules.get(user)?.topics ?? [];
  }

  authenticate({ user, password }: Credentials, done: (result: Identity | Refusal) => void): void {
    if (user === undefined || password?.toString() !== 'p') done({ refused: 'credentials', reason: 'not known' });
    else done({ user, tags: this.tagsOf({ user }) });
  }

  recall(user: string): Identity {
    return { user };
  }

  mayEnter(identity: Identity, vhost: string): boolean {
    return this.access.mayEnter(identity, vhost);
  }

  permits(identity: Identity, request: AccessRequest): boolean {
    return this.access.permits(identity, request);
  }

  onChanged(listener: () => void): void {
    this.listeners.push(listener);
  }
}

export type Ports = Readonly<Record<'amqp' | 'mqtt' | 'stomp' | 'redis' | 'http', number>>;

export interface RuledBroker {
  readonly running: RunningBroker;
  readonly rules: RulesByUser;
  readonly ports: Ports;
  stop(): Promise<void>;
}

export interface RuledOptions {
  /** The broker's certificate: it listens over TLS too then, and for WebSocket with and without. */
  readonly tls?: Issued | undefined;
  readonly clock?: Clock;
  /** Where it keeps its data; left out: in memory. */
  readonly data?: string;
  /** Default: RabbitMQ's. */
  readonly compat?: Compatibility;
  /** The setting of that name. */
  readonly checkSource?: boolean;
  /** Default: rules of its own. */
  readonly rules?: RulesByUser;
}

export async function startRuledBroker({
  tls,
  clock,
  data,
  compat,
  checkSource,
  ...given
}: RuledOptions = {}): Promise<RuledBroker> {
  const rules = given.rules ?? new RulesByUser();
  const plain = ['amqp', 'mqtt', 'stomp', 'redis', 'http', 'ws'];
  const names = tls === undefined ? plain.slice(0, 5) : [...plain, ...plain.map((name) => `${name}s`)];
  const listen = names.map((name) => `${name}://localhost:0`);
  const running = await createBroker({
    listen,
    authenticator: rules,
    ...(compat !== undefined && { compat }),
    ...(checkSource !== undefined && { retained: { checkSource } }),
    ...(tls !== undefined && { tls }),
    ...(clock !== undefined && { clock }),
    ...(data !== undefined && { data }),
  });
  const port = (name: string): number => running.port(name);
  const ports = {
    ...{ amqp: port('amqp'), mqtt: port('mqtt'), stomp: port('stomp') },
    ...{ redis: port('redis'), http: port('http') },
  };
  return { running, rules, ports, stop: () => running.close() };
}

export async function amqp(port: number, user: string): Promise<ChannelModel> {
  const connection = await amqplib.connect(`amqp://${user}:p@127.0.0.1:${port}`);
  connection.on('error', () => {});
  return connection;
}

const TX_SELECT = 0x5a000a;
const TX_COMMIT = 0x5a0014;

/** amqplib has no transactions: says the methods itself, whose answers are numbered one up. */
async function method(channel: Channel, id: number): Promise<void> {
  const { rpc } = channel as unknown as { rpc(method: number, fields: object, reply: number): Promise<unknown> };
  await rpc.call(channel, id, {}, id + 1);
}

/** tx.select */
export const transactional = (channel: Channel): Promise<void> => method(channel, TX_SELECT);

/** tx.commit */
export const commit = (channel: Channel): Promise<void> => method(channel, TX_COMMIT);
