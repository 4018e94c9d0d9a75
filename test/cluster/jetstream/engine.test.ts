/** JetStream keeps to the port: three real servers, three replicas. */
import { it } from 'vitest';
import { SystemClock } from '../../../src/clock/clock.ts';
import type { Engine } from '../../../src/cluster/engine.ts';
import { openJetStream } from '../../../src/cluster/jetstream/engine.ts';
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

if (why === undefined) engineSuite('JetStream', make, 60_000);
else it.skip(`JetStream: ${why}`, () => {});
