/** The harness of one scenario: clients of the broker that it runs against, and names of its own. */
import { randomBytes } from 'node:crypto';
import { RawClient } from './raw-client.ts';
import type { ConnectOptions, Level } from './received.ts';

/** What a broker may lack: a WebSocket listener, shared subscriptions, SCRAM-SHA-256, queues that AMQP clients declare. */
export type Need = 'websocket' | 'shared' | 'scram' | 'queues';

/** Where a broker can be reached; what it lacks is -1 or empty. */
export interface Target {
  readonly name: string;
  readonly mqttPort: number;
  readonly wsMqttUrl: string;
  readonly levels: readonly Level[];
  readonly amqpPort: number;
  readonly offers: readonly Need[];
}

let serial = 0;
const run = randomBytes(3).toString('hex');

/** What a scenario is given: clients that are closed after it, names that nobody else uses. */
export class Harness {
  readonly target: Target;
  readonly level: Level;
  private readonly clients: { close(): void }[] = [];
  private readonly unique = `${run}${++serial}`;

  constructor(target: Target, level: Level) {
    this.target = target;
    this.level = level;
  }

  /** A topic of this scenario's own. */
  topic(name = 't'): string {
    return `conf/${this.unique}/${name}`;
  }

  /** A client identifier, the same for the same name. Within the 23 characters that every broker takes. */
  id(name = 'a'): string {
    return `c${this.unique}${name}`;
  }

  /** A connection on which nothing has been sent. */
  async open(level = this.level): Promise<RawClient> {
    return this.closing(await RawClient.open(this.target.mqttPort, level));
  }

  async connect(options: ConnectOptions = {}, level = this.level): Promise<RawClient> {
    const client = await this.open(level);
    const { password, ...rest } = options;
    return client.connected({
      clientId: this.id(`x${this.clients.length}`),
      ...rest,
      ...(options.username === undefined ? {} : { password: password ?? 'guest' }),
    });
  }

  /** A session that outlives its connection, in whatever way the version asks for it. */
  kept(name = 'k', options: ConnectOptions = {}): Promise<RawClient> {
    const properties = { sessionExpiryInterval: 300, ...options.properties };
    return this.connect({
      clientId: this.id(name),
      clean: false,
      ...options,
      ...(this.level === 5 ? { properties } : {}),
    });
  }

  /** Has something closed when the scenario is over. */
  closing<T extends { close(): void }>(client: T): T {
    this.clients.push(client);
    return client;
  }

  end(): void {
    for (const client of this.clients) client.close();
  }
}
