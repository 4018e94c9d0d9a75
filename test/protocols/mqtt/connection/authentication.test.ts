/** Enhanced authentication [MQTT 5.0, section 4.12], with SCRAM-SHA-256. */
import type * as wire from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ScramClient } from '../../../auth/scram-client.ts';
import { until } from '../../../support/until.ts';
import { type Harness, startHarness } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.broker.close());

const authenticationMethod = 'SCRAM-SHA-256';

async function begin(clientId: string, properties: NonNullable<wire.IConnectPacket['properties']>): Promise<RawClient> {
  const client = await RawClient.dial(harness.port, 5);
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    clean: true,
    keepalive: 0,
    properties,
  });
  return client;
}

const answer = (reasonCode: number, data: Buffer | undefined, method = authenticationMethod): wire.IAuthPacket => ({
  cmd: 'auth',
  reasonCode,
  properties: { authenticationMethod: method, ...(data !== undefined && { authenticationData: data }) },
});

/** Goes through the whole exchange; returns CONNACK. */
async function prove(client: RawClient, scram: ScramClient): Promise<wire.IConnackPacket> {
  const asked = await client.next('auth');
  expect([asked.reasonCode, asked.properties?.authenticationMethod]).toEqual([0x18, authenticationMethod]);
  client.send(answer(0x18, scram.last(asked.properties!.authenticationData!)));
  return client.next('connack');
}

it('a client that knows the password comes in, and learns that the broker knows it too', async () => {
  const scram = new ScramClient('guest', 'guest');
  const client = await begin('c', { authenticationMethod, authenticationData: scram.first });
  const connack = await prove(client, scram);
  expect([connack.reasonCode, connack.properties?.authenticationMethod]).toEqual([0, authenticationMethod]);
  expect(scram.trusts(connack.properties?.authenticationData)).toBe(true);
  expect(await client.subscribe('t', 0)).toBe(0);
  client.publish('t', 'x');
  expect((await client.next('publish')).payload.toString()).toBe('x');
  await client.leave();
});

it('one that does not is refused with 0x86', async () => {
  const scram = new ScramClient('guest', 'wrong');
  const client = await begin('c', { authenticationMethod, authenticationData: scram.first });
  expect((await prove(client, scram)).reasonCode).toBe(0x86);
  await until(() => client.closed);
});

it('one that begins with AUTH is asked first', async () => {
  const scram = new ScramClient('guest', 'guest');
  const client = await begin('c', { authenticationMethod });
  expect((await client.next('auth')).reasonCode).toBe(0x18);
  client.send(answer(0x18, scram.first));
  expect((await prove(client, scram)).reasonCode).toBe(0);
  await client.leave();
});

it('a method that is not offered is refused with 0x8C', async () => {
  const client = await begin('c', { authenticationMethod: 'GS2-KRB5' });
  expect((await client.next('connack')).reasonCode).toBe(0x8c);
  await until(() => client.closed);
});

it('what is neither AUTH nor DISCONNECT, or of another method, is refused with 0x82 [MQTT5-3.1.2-30]', async () => {
  const scram = new ScramClient('guest', 'guest');
  for (const packet of [
    { cmd: 'pingreq' } as wire.Packet,
    answer(0x18, Buffer.from('x'), 'OTHER'),
    answer(0x19, scram.first),
  ]) {
    const client = await begin('c', { authenticationMethod, authenticationData: scram.first });
    await client.next('auth');
    client.send(packet);
    expect((await client.next('connack')).reasonCode).toBe(0x82);
    await until(() => client.closed);
  }
});

it('a client may leave before it has proved anything', async () => {
  const client = await begin('c', {
    authenticationMethod,
    authenticationData: new ScramClient('guest', 'guest').first,
  });
  await client.next('auth');
  await client.leave();
  expect(client.packets).toEqual([]);
});

it('a connected client proves itself again, and is ended with 0x87 if it cannot', async () => {
  const scram = new ScramClient('guest', 'guest');
  const client = await begin('c', { authenticationMethod, authenticationData: scram.first });
  await prove(client, scram);
  for (const password of ['guest', 'wrong']) {
    const again = new ScramClient('guest', password, `nonce${password}`);
    client.send(answer(0x19, again.first));
    const asked = await client.next('auth');
    client.send(answer(0x18, again.last(asked.properties!.authenticationData!)));
    if (password === 'guest') {
      const done = await client.next('auth');
      expect(done.reasonCode).toBe(0);
      expect(again.trusts(done.properties?.authenticationData)).toBe(true);
      await client.settle();
    } else expect((await client.next('disconnect')).reasonCode).toBe(0x87);
  }
  await until(() => client.closed);
});

it('one that did not begin with a method cannot change to one [MQTT5-4.12.1-1]', async () => {
  const client = await harness.connect('plain');
  client.send(answer(0x19, new ScramClient('guest', 'guest').first));
  expect((await client.next('disconnect')).reasonCode).toBe(0x82);
});

it('a client of 3.1.1 that sends AUTH is closed', async () => {
  const client = await harness.connect311('old');
  client.raw(Buffer.of(0xf0, 0));
  await until(() => client.closed);
});
