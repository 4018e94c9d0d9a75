/** What becomes of an error that is the broker's own: the client is not blamed, and the operator is told. */
import { afterEach, expect, test, vi } from 'vitest';
import { mqtt } from '../../../../protocols/mqtt/index.ts';
import type { Authenticator } from '../../../../src/api/index.ts';
import { ClientSession } from '../../../../src/broker/session.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { NO_LOGGER } from '../../../../src/logger.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { RawClient } from '../raw-client.ts';

let broker: TestBroker;
afterEach(async () => {
  vi.restoreAllMocks();
  await broker.close();
});

test.each([4, 5] as const)('a fault of ours ends a connection of version %i and is told as ours', async (version) => {
  const protocol = Object.assign(mqtt(), { name: 'mqtt-staged' });
  const mistakes: string[] = [];
  const defects: unknown[] = [];
  const logger = {
    ...NO_LOGGER,
    warn: (_fields: object, text: string) => void mistakes.push(text),
    error: (fields: { err?: unknown }) => void defects.push(fields.err),
  };
  broker = await startTestBroker({ protocols: [protocol], listen: ['mqtt-staged://127.0.0.1:0'], logger });
  const client = await RawClient.connect(broker.port('mqtt-staged'), 'c', { protocolVersion: version });
  const fault = new TypeError('nobody thought of it');
  vi.spyOn(ClientSession.prototype, 'publish').mockImplementationOnce(() => {
    throw fault;
  });
  client.send({ cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false });
  if (version === 5) {
    const goodbye = await client.next('disconnect');
    expect([goodbye.reasonCode, goodbye.properties?.reasonString]).toEqual([0x80, 'an error of the broker']);
  }
  await until(() => client.closed);
  expect(defects).toEqual([fault]);
  expect(mistakes).toEqual([]);
  expect([protocol.stats.internalErrors, protocol.stats.protocolErrors]).toEqual([1, 0]);
});

test("a mistake of the client is told as the client's", async () => {
  const protocol = Object.assign(mqtt(), { name: 'mqtt-staged' });
  const mistakes: object[] = [];
  const defects: object[] = [];
  const logger = {
    ...NO_LOGGER,
    warn: (fields: object) => void mistakes.push(fields),
    error: (fields: object) => void defects.push(fields),
  };
  broker = await startTestBroker({ protocols: [protocol], listen: ['mqtt-staged://127.0.0.1:0'], logger });
  const client = await RawClient.connect(broker.port('mqtt-staged'), 'c');
  client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true, keepalive: 0 });
  await until(() => client.closed);
  expect(defects).toEqual([]);
  expect(mistakes).toMatchObject([{ reason: 'a second CONNECT [MQTT-3.1.0-2]' }]);
  expect([protocol.stats.internalErrors, protocol.stats.protocolErrors]).toEqual([0, 1]);
});

test('a client that has gone before its login was answered is not let in by the answer', async () => {
  const protocol = Object.assign(mqtt(), { name: 'mqtt-staged' });
  const answers: (() => void)[] = [];
  const authenticator: Authenticator = {
    authenticate: ({ user = 'anyone' }, done) => {
      answers.push(() => done({ user }));
    },
    permits: () => true,
  };
  const clock = new ManualClock();
  const listen = ['mqtt-staged://127.0.0.1:0'];
  broker = await startTestBroker({ protocols: [protocol], listen, authenticator, clock });
  const connect = (client: RawClient): void =>
    client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: false, keepalive: 0 });
  const gone = await RawClient.dial(broker.port('mqtt-staged'));
  connect(gone);
  await until(() => answers.length === 1);
  clock.advance(60_000); // nothing is read of it meanwhile: it is its time for the handshake that ends it
  await until(() => broker.connections === 0 && gone.closed);
  answers[0]!();
  expect(broker.connections).toBe(0);
  const next = await RawClient.dial(broker.port('mqtt-staged'));
  connect(next);
  await until(() => answers.length === 2);
  answers[1]!();
  expect(await next.next('connack')).toMatchObject({ returnCode: 0, sessionPresent: false });
});
