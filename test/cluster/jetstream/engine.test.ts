/** JetStream keeps to the port, and a log goes from node to node on it: three real servers, three replicas. */
import { describe, expect, it } from 'vitest';
import { type Clock, SystemClock } from '../../../src/clock/clock.ts';
import type { Engine } from '../../../src/cluster/engine.ts';
import { openJetStream } from '../../../src/cluster/jetstream/engine.ts';
import { Member } from '../../../src/cluster/member.ts';
import { DIRECTORY, TestLog } from '../../log/harness.ts';
import { MemoryFiles } from '../../log/memory-files.ts';
import { type EngineWorld, engineSuite } from '../engine-suite.ts';
import { missing, NatsServers, Relay } from './servers.ts';

const LEASE_MS = 1_500;
const why = missing();

async function make(): Promise<EngineWorld> {
  const servers = await NatsServers.start();
  const clock = new SystemClock();
  const relays = new Map<Engine, Relay[]>();
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
  const until = async <T>(look: () => Promise<T | null>): Promise<T> => {
    for (const end = performance.now() + 20_000; performance.now() < end; ) {
      const found = await look();
      if (found !== null) return found;
      await turn();
    }
    throw new Error('it never came to be');
  };
  const open = async (): Promise<Engine> => {
    const own = await Promise.all(servers.ports.map((port) => Relay.start(port)));
    const urls = own.map(({ port }) => `nats://127.0.0.1:${port}`);
    // Servers that have just been started answer when they have a leader.
    const engine = await until(() => openJetStream({ servers: urls, leaseMs: LEASE_MS }, clock).catch(() => null));
    relays.set(engine, own);
    return engine;
  };
  const first = await open();
  await until(() => first.sharedLog('first of all').catch(() => null));
  await until(() =>
    first
      .leaseHolder('first of all')
      .then(() => true)
      .catch(() => null),
  );
  await first.close();
  return {
    open,
    loseAnswers: (engine) => {
      for (const relay of relays.get(engine)!) relay.swallowing = true;
    },
    heal: (engine) => {
      for (const relay of relays.get(engine)!) relay.heal();
    },
    kill: async (engine) => {
      for (const relay of relays.get(engine)!) relay.close();
      await engine.close();
    },
    monotonicMs: () => clock.monotonicMs(),
    leaseMs: LEASE_MS,
    until,
    close: async () => {
      for (const [engine, own] of relays) {
        await engine.close().catch(() => {});
        for (const relay of own) relay.close();
      }
      clock.stop();
      await servers.close();
    },
  };
}

/** A node with a log of its own. */
class Node {
  it: TestLog | undefined = undefined;
  readonly member: Member;

  constructor(node: string, engine: Engine, files: MemoryFiles, clock: Clock) {
    this.member = new Member({
      ...{ engine, node, files, clock, name: 'vhost', directory: DIRECTORY, report: () => {}, marginMs: 200 },
      lead: async ({ replica, logId, giveUp }) => {
        this.it = await TestLog.open(files, { clock, replica, logId, onFailed: giveUp });
      },
      leave: async () => {
        await this.it?.close();
        this.it = undefined;
      },
    });
  }

  async write(from: number, to: number): Promise<void> {
    for (let i = from; i <= to; i++) this.it!.message(`text ${i}`);
    await this.it!.safe();
  }
}

function logs(world: () => EngineWorld): void {
  it('what one node was told is safe is there when the next one leads, by a move or by a death', {
    timeout: 60_000,
  }, async () => {
    const { open, until, kill } = world();
    const clock = new SystemClock();
    const disks = [new MemoryFiles(), new MemoryFiles()] as const;
    const engines = [await open(), await open()] as const;
    const leads = (node: Node): Promise<boolean> => until(async () => (node.member.role === 'leading' ? true : null));
    const a = new Node('a', engines[0], disks[0], clock);
    await leads(a);
    const b = new Node('b', engines[1], disks[1], clock);
    await a.write(1, 50);
    await a.member.stop();
    await leads(b);
    expect(b.it!.texts()).toEqual(Array.from({ length: 50 }, (_, i) => `text ${i + 1}`));
    await b.write(51, 70);
    const again = new Node('a', await open(), disks[0], clock);
    await kill(engines[1]);
    await leads(again);
    expect(again.it!.texts().length).toBe(70);
    await Promise.all([b.member.stop(), again.member.stop()]);
    clock.stop();
  });
}

if (why === undefined) engineSuite('JetStream', make, 60_000, logs);
else describe.skip(`JetStream: ${why}`, () => it('is not there', () => {}));
