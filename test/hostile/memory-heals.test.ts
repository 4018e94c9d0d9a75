/** A flood past the mark of memory is stopped, and goes on by itself once consumers have taken what it left. */
import { expect, it } from 'vitest';
import { startEntrepot } from '../../conformance/peers/index.ts';
import { AmqpAbuser, consume, declareQueue, many, message } from '../budget/wire.ts';

const MARK = '170 MiB';

it('a publisher past the mark waits, and goes on when what it has sent is consumed', { timeout: 60_000 }, async () => {
  const broker = await startEntrepot({ environment: { ENTREPOT_MEMORY_HIGH_WATERMARK: MARK } });
  try {
    const passed = async (): Promise<boolean> => {
      const text = await (await fetch(`http://127.0.0.1:${broker.httpPort}/metrics`)).text();
      return text.includes('entrepot_watermark_passed{resource="memory"} 1');
    };
    const becomes = async (wanted: boolean): Promise<boolean> => {
      const began = performance.now();
      while ((await passed()) !== wanted) if (performance.now() - began > 20_000) return false;
      return true;
    };
    const publisher = await AmqpAbuser.open(broker.amqpPort);
    await publisher.sync(declareQueue('heap', 0));
    const piece = many(64, () => message('', 'heap', Buffer.alloc(4_096)));
    for (let i = 0; i < 1_000; i++) publisher.socket.write(piece);
    expect(await becomes(true), 'the mark is passed').toBe(true);
    const reader = await AmqpAbuser.open(broker.amqpPort);
    await reader.sync(consume('heap', 'c', true));
    expect(await becomes(false), 'the mark is kept to again').toBe(true);
  } finally {
    await broker.kill();
  }
});
