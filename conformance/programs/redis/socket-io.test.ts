/** socket.io's Redis adapter: two servers of one application that reach each other's clients through the broker. */
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program, startHere, startThere, type TestServer } from '../../redis/brokers.ts';

type Packet = { readonly data: readonly unknown[] };
/** As much of a socket.io server as its adapter asks for. */
interface Namespace {
  readonly name: string;
  readonly sockets: Map<string, unknown>;
  readonly server: { readonly encoder: { encode(packet: Packet): unknown[] } };
  _onServerSideEmit(args: unknown[]): void;
}
type MakeAdapter = (namespace: Namespace) => {
  broadcast(packet: Packet, options: { rooms: Set<string>; except: Set<string> }): void;
  serverSideEmit(packet: unknown[]): void;
  serverCount(): Promise<number>;
  addAll(id: string, rooms: Set<string>): void;
  allRooms(): Promise<Set<string>>;
  close(): void;
};

class Server {
  readonly heard: unknown[] = [];
  readonly adapter: ReturnType<MakeAdapter>;
  private readonly pub: Redis;
  private readonly sub: Redis;

  constructor(port: number) {
    const options = { port, host: '127.0.0.1', retryStrategy: () => null };
    this.pub = new Redis(options);
    this.sub = new Redis(options);
    for (const redis of [this.pub, this.sub]) redis.on('error', () => {});
    const namespace: Namespace = {
      name: '/chat',
      sockets: new Map(),
      server: { encoder: { encode: (packet) => [packet] } },
      _onServerSideEmit: (args) => this.heard.push(args),
    };
    const make = createAdapter(this.pub, this.sub) as unknown as MakeAdapter;
    this.adapter = make(namespace);
    // What the memory adapter beneath does with a packet: here it is only noted.
    const memory = Object.getPrototypeOf(Object.getPrototypeOf(this.adapter)) as { broadcast(packet: Packet): void };
    memory.broadcast = function (this: unknown, packet: Packet) {
      const server = servers.find(({ adapter }) => adapter === this);
      server?.heard.push(packet.data);
    };
    servers.push(this);
  }

  /** Its subscriptions are in force. */
  async ready(): Promise<void> {
    await this.sub.ping().catch(() => {});
    await this.pub.ping();
  }

  async stop(): Promise<void> {
    this.adapter.close();
    for (const redis of [this.sub, this.pub]) await redis.quit().catch(() => {});
  }
}
const servers: Server[] = [];

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`never: ${what}`);
}

const asked = process.env['CONFORMANCE_PEERS'] === 'all';

for (const kind of ['entrepot', 'redis'] as const) {
  const skipped = kind === 'redis' && (!asked || program('redis-server') === undefined);
  describe.skipIf(skipped)(`socket.io's adapter on ${kind}`, () => {
    let broker: TestServer;
    beforeAll(async () => {
      broker = await (kind === 'entrepot' ? startHere() : startThere());
    }, 60_000);
    afterAll(async () => {
      for (const server of servers.splice(0)) await server.stop();
      await broker?.stop();
    });

    it('carries broadcasts, rooms and events between two servers', async () => {
      const [one, two] = [new Server(broker.port), new Server(broker.port)];
      await one.ready();
      await two.ready();
      await until('both are counted', async () => (await one.adapter.serverCount()) === 2);
      one.adapter.broadcast({ data: ['to all'] }, { rooms: new Set(), except: new Set() });
      await until('the other has it', () => two.heard.length > 0);
      expect(two.heard).toEqual([['to all']]);
      two.adapter.addAll('socket', new Set(['room.1']));
      one.adapter.broadcast({ data: ['to a room'] }, { rooms: new Set(['room.1']), except: new Set() });
      await until('the other has it', () => two.heard.length > 1);
      expect(two.heard.at(-1)).toEqual(['to a room']);
      two.adapter.serverSideEmit(['ping', 1]);
      await until('the other has it', () => one.heard.some((args) => JSON.stringify(args) === '["ping",1]'));
      expect([...(await one.adapter.allRooms())]).toEqual(['room.1']);
    });
  });
}
