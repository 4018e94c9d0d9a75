/** Redis' adapter on a socket before a core in memory (`AdapterHarness`). */
import { type RedisOptions, type RedisProtocol, redis } from '../../../protocols/redis/index.ts';
import type { Dialect } from '../../../src/api/index.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { AdapterHarness } from '../../support/adapter-harness.ts';
import { encode, RawClient } from './raw-client.ts';

/** Stands for another protocol. */
export const OTHER_DIALECT: Dialect = { id: 200, name: 'other', decode: () => ({ headers: [] }) };

export class RedisHarness extends AdapterHarness<RedisProtocol> {
  static async start(options: RedisOptions = {}, start: Partial<StartOptions> = {}): Promise<RedisHarness> {
    const protocol = redis(options);
    return new RedisHarness(await RedisHarness.startBroker(protocol, OTHER_DIALECT, start), protocol).listen();
  }

  get stats(): RedisProtocol['stats'] {
    return this.protocol.stats;
  }

  open(): Promise<RawClient> {
    return RawClient.open(this.port);
  }

  /** One that speaks RESP3. */
  async open3(): Promise<RawClient> {
    const client = await this.open();
    client.write(encode('HELLO', '3'));
    await client.next();
    return client;
  }
}
