/** NATS JetStream as the engine: a stream a shared log, a bucket for the leases. What it was seen to do is said where it is allowed for. */
import type { Clock } from '../../clock/clock.ts';
import type { Engine, Lease, LeaseHolder, SharedLog } from '../engine.ts';
import { type Client, type Connection, errorCode, loadClient, NAME_IN_USE, type Streams, safeName } from './client.ts';
import { JetStreamLeases } from './leases.ts';
import { ANSWER_MS, type JetStreamSettings, LEASE_MS, PREFIX, REPLICAS, readerOptions } from './settings.ts';
import { away, JetStreamLog, streamConfig } from './shared-log.ts';

/** @throws Error the client is not installed, or no server can be reached */
export async function openJetStream(settings: JetStreamSettings, clock: Clock): Promise<Engine> {
  const client = await loadClient();
  const connection = await client.connect(readerOptions(settings.servers));
  try {
    const { streams } = await client.jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_MS });
    return new JetStreamEngine({ client, connection, streams, settings, clock });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

interface Parts {
  readonly client: Client;
  readonly connection: Connection;
  readonly streams: Streams;
  readonly settings: JetStreamSettings;
  readonly clock: Clock;
}

class JetStreamEngine implements Engine {
  private readonly parts: Parts;
  private readonly replicas: number;
  private readonly prefix: string;
  private readonly logs: JetStreamLog[] = [];
  private readonly leases: JetStreamLeases;

  constructor(parts: Parts) {
    const { settings, clock } = parts;
    this.parts = parts;
    this.replicas = settings.replicas ?? REPLICAS;
    this.prefix = settings.prefix ?? PREFIX;
    const { servers, leaseMs = LEASE_MS } = settings;
    this.leases = new JetStreamLeases(
      { servers, replicas: this.replicas, leaseMs, bucket: `${this.prefix}-leases` },
      clock,
    );
  }

  async sharedLog(name: string): Promise<SharedLog> {
    const { client, connection, streams, settings } = this.parts;
    const stream = `${this.prefix}-log-${safeName(name)}`;
    try {
      await streams.add(streamConfig(stream, this.replicas));
    } catch (error) {
      // It is there, with other settings: an operator has made more or fewer replicas of it, say.
      if (errorCode(error) !== NAME_IN_USE) throw away(error);
    }
    const log = new JetStreamLog({ client, servers: settings.servers, stream, asking: connection, streams });
    this.logs.push(log);
    return log;
  }

  takeLease(name: string, holder: string): Promise<Lease | null> {
    return this.leases.take(name, holder);
  }

  leaseHolder(name: string): Promise<LeaseHolder | null> {
    return this.leases.holder(name);
  }

  async describe(): Promise<{ about: string; warnings: readonly string[] }> {
    const version = this.parts.connection.info?.version ?? 'of an unknown version';
    const warnings: string[] = [];
    if (this.replicas < 3) {
      warnings.push(
        `${this.replicas} replica${this.replicas === 1 ? '' : 's'}: what is on one machine only goes with it`,
      );
    }
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < 2 || (major === 2 && minor < 10)) {
      warnings.push(
        `nats-server ${version} syncs every two minutes and cannot be told otherwise: what it acknowledges may be lost when all its machines lose power at once`,
      );
    } else warnings.push('whether its sync_interval is "always" cannot be seen from here');
    return { about: `nats-server ${version}, ${this.replicas} replicas`, warnings };
  }

  async close(): Promise<void> {
    for (const log of this.logs) log.close();
    await this.leases.close();
    await this.parts.connection.close();
  }
}
