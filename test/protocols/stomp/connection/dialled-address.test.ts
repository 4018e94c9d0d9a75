/** The address that a client dialled names the default vhost: clients of other brokers put it into `host`. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_LOGGER } from '../../../../src/logger.ts';
import { MemoryBudget } from '../../../../src/transport/memory-budget.ts';
import { TcpTransport, tcpServer } from '../../../../src/transport/tcp.ts';
import { StompHarness } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

test("where it is none of this machine's loopback addresses", async () => {
  // What a socket says that was dialled from elsewhere.
  const server = tcpServer((socket) => {
    Object.defineProperty(socket, 'localAddress', { value: '192.0.2.7' });
    const { broker, protocol } = harness;
    const unfinished = new MemoryBudget(broker.turn, Number.POSITIVE_INFINITY);
    const unsent = new MemoryBudget(broker.turn, Number.POSITIVE_INFINITY);
    const departures = broker.turn.work.share();
    const transport = new TcpTransport({ ...broker, logger: NO_LOGGER, unfinished, unsent, departures }, socket);
    transport.attach(protocol.accept(transport, broker));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const client = await RawClient.open(port, '1.2', { host: '192.0.2.7' });
    await client.leave();
    const stranger = await RawClient.dial(port);
    const error = await stranger.refused('CONNECT', { 'accept-version': '1.2', host: '192.0.2.8' });
    expect(error.body.toString()).toBe("vhost '192.0.2.8' not found\n");
  } finally {
    server.close();
  }
});
