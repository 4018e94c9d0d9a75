/** A vhost whose log is in an engine: what one node was told is safe is in the vhost of the node that leads next. */
import { expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { Turn } from '../../src/clock/turn.ts';
import { Member } from '../../src/cluster/member.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { Dialects } from '../../src/message/dialect.ts';
import { Vhost } from '../../src/vhost/vhost.ts';
import { FakeEngine, FakeServers } from '../cluster/fake/engine.ts';
import { MemoryFiles } from '../log/memory-files.ts';
import { DURABLE, makeDraft, type SendOptions } from './harness.ts';

class Node {
  vhost: Vhost | undefined = undefined;
  readonly member: Member;
  readonly engine: FakeEngine;
  private readonly clock: ManualClock;

  constructor(node: string, servers: FakeServers, clock: ManualClock, files = new MemoryFiles()) {
    this.clock = clock;
    this.engine = new FakeEngine(servers);
    const directory = '/data/v';
    this.member = new Member({
      ...{ engine: this.engine, node, files, clock, directory, name: 'v', report: () => {} },
      lead: async ({ replica, logId, giveUp }) => {
        const replication = { replica, logId, failed: giveUp };
        const dialects = new Dialects(() => clock.epochMs());
        this.vhost = await Vhost.open({
          ...{
            name: 'v',
            files,
            directory,
            clock,
            turn: new Turn(),
            dialects,
            logger: NO_LOGGER,
            replication,
            onUncongested: () => {},
          },
        });
      },
      leave: async () => {
        await this.vhost?.close();
        this.vhost = undefined;
      },
    });
  }

  async until(holds: () => boolean): Promise<void> {
    for (let i = 0; i < 5000; i++) {
      if (holds()) return;
      if (i % 5 === 4) this.clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('it never came to be');
  }

  leads(): Promise<void> {
    return this.until(() => this.member.role === 'leading');
  }

  async stopped(): Promise<void> {
    let done = false;
    void this.member.stop().then(() => {
      done = true;
    });
    await this.until(() => done);
  }

  send(exchange: string, key: string, body: string, options: SendOptions & { delayMs?: number } = {}): void {
    const { router, publisher, name } = this.vhost!;
    const bytes = Buffer.from(key);
    const draft = makeDraft(body, options);
    if (options.delayMs !== undefined) draft.delayMs = options.delayMs;
    publisher.publish(router.route(exchange, 0, bytes, 0, bytes.length, name), draft);
  }

  /** What was asked until now is safe, or refused. */
  async safe(): Promise<boolean> {
    const { confirms, units } = this.vhost!;
    let failed: boolean | undefined;
    confirms.whenSafe(units.mark(), (refused) => {
      failed = refused;
    });
    await this.until(() => failed !== undefined);
    return failed === false;
  }

  waiting(queue: string): number | undefined {
    return this.vhost?.topology.queues.get(queue)?.messages;
  }
}

function setUp(): { servers: FakeServers; clock: ManualClock } {
  const clock = new ManualClock();
  return { servers: new FakeServers(clock), clock };
}

it('queues, messages, what is retained and what is delayed are there', async () => {
  const { servers, clock } = setUp();
  const a = new Node('a', servers, clock);
  await a.leads();
  const b = new Node('b', servers, clock);
  a.vhost!.topology.declareQueue('q', DURABLE, null);
  for (let i = 0; i < 300; i++) a.send('', 'q', `body ${i} ${'x'.repeat(200)}`);
  a.send('amq.topic', 'retained', 'kept', { retain: true });
  a.send('', 'q', 'later', { delayMs: 3_600_000 });
  expect(await a.safe()).toBe(true);
  await a.stopped();
  await b.leads();
  expect(b.waiting('q')).toBe(300);
  expect(b.vhost!.retained.index.size).toBe(1);
  expect(b.vhost!.delays.size).toBe(1);
  await b.stopped();
});

it('so they are when the first one dies in the middle, and it refuses from then on', async () => {
  const { servers, clock } = setUp();
  const a = new Node('a', servers, clock);
  await a.leads();
  const b = new Node('b', servers, clock);
  a.vhost!.topology.declareQueue('q', DURABLE, null);
  for (let i = 0; i < 50; i++) a.send('', 'q', `body ${i}`);
  expect(await a.safe()).toBe(true);
  a.engine.cut = true;
  const { vhost } = a;
  a.send('', 'q', 'into the void');
  expect(await a.safe()).toBe(false);
  expect(vhost!.failed).toBeDefined();
  await b.leads();
  expect(b.waiting('q')).toBe(50);
  // It follows the other one, and has the same when it leads again.
  a.engine.cut = false;
  b.send('', 'q', 'one more');
  expect(await b.safe()).toBe(true);
  await b.stopped();
  await a.leads();
  expect(a.waiting('q')).toBe(51);
  await a.stopped();
});
