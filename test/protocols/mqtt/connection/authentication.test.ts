/** Enhanced authentication [MQTT 5.0, section 4.12], with SCRAM-SHA-256. */
import type * as wire from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ScramClient } from '../../../auth/scram-client.ts';
import { until } from '../../../support/until.ts';
import { type Stage, stage } from '../harness.ts';
import { Peer } from '../raw-client.ts';

let house: Stage;
beforeAll(async () => {
  house = await stage();
});
afterAll(() => house.broker.close());

const authenticationMethod = 'SCRAM-SHA-256';

async function begin(clientId: string, properties: NonNullable<wire.IConnectPacket['properties']>): Promise<Peer> {
  const peer = await Peer.dial(house.port, 5);
  peer.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    clean: true,
    keepalive: 0,
    properties,
  });
  return peer;
}

const answer = (reasonCode: number, data: Buffer | undefined, method = authenticationMethod): wire.IAuthPacket => ({
  cmd: 'auth',
  reasonCode,
  properties: { authenticationMethod: method, ...(data !== undefined && { authenticationData: data }) },
});

/** Goes through the whole exchange; returns CONNACK. */
async function prove(peer: Peer, client: ScramClient): Promise<wire.IConnackPacket> {
  const asked = await peer.next('auth');
  expect([asked.reasonCode, asked.properties?.authenticationMethod]).toEqual([0x18, authenticationMethod]);
  peer.send(answer(0x18, client.last(asked.properties!.authenticationData!)));
  return peer.next('connack');
}

it('a client that knows the password comes in, and learns that the broker knows it too', async () => {
  const client = new ScramClient('guest', 'guest');
  const peer = await begin('c', { authenticationMethod, authenticationData: client.first });
  const connack = await prove(peer, client);
  expect([connack.reasonCode, connack.properties?.authenticationMethod]).toEqual([0, authenticationMethod]);
  expect(client.trusts(connack.properties?.authenticationData)).toBe(true);
  expect(await peer.subscribe('t', 0)).toBe(0);
  peer.publish('t', 'x');
  expect((await peer.next('publish')).payload.toString()).toBe('x');
  await peer.leave();
});

it('one that does not is refused with 0x86', async () => {
  const client = new ScramClient('guest', 'wrong');
  const peer = await begin('c', { authenticationMethod, authenticationData: client.first });
  expect((await prove(peer, client)).reasonCode).toBe(0x86);
  await until(() => peer.closed);
});

it('one that begins with AUTH is asked first', async () => {
  const client = new ScramClient('guest', 'guest');
  const peer = await begin('c', { authenticationMethod });
  expect((await peer.next('auth')).reasonCode).toBe(0x18);
  peer.send(answer(0x18, client.first));
  expect((await prove(peer, client)).reasonCode).toBe(0);
  await peer.leave();
});

it('a method that is not offered is refused with 0x8C', async () => {
  const peer = await begin('c', { authenticationMethod: 'GS2-KRB5' });
  expect((await peer.next('connack')).reasonCode).toBe(0x8c);
  await until(() => peer.closed);
});

it('what is neither AUTH nor DISCONNECT, or of another method, is refused with 0x82 [MQTT5-3.1.2-30]', async () => {
  const client = new ScramClient('guest', 'guest');
  for (const packet of [
    { cmd: 'pingreq' } as wire.Packet,
    answer(0x18, Buffer.from('x'), 'OTHER'),
    answer(0x19, client.first),
  ]) {
    const peer = await begin('c', { authenticationMethod, authenticationData: client.first });
    await peer.next('auth');
    peer.send(packet);
    expect((await peer.next('connack')).reasonCode).toBe(0x82);
    await until(() => peer.closed);
  }
});

it('a client may leave before it has proved anything', async () => {
  const peer = await begin('c', { authenticationMethod, authenticationData: new ScramClient('guest', 'guest').first });
  await peer.next('auth');
  await peer.leave();
  expect(peer.packets).toEqual([]);
});

it('a connected client proves itself again, and is ended with 0x87 if it cannot', async () => {
  const client = new ScramClient('guest', 'guest');
  const peer = await begin('c', { authenticationMethod, authenticationData: client.first });
  await prove(peer, client);
  for (const password of ['guest', 'wrong']) {
    const again = new ScramClient('guest', password, `nonce${password}`);
    peer.send(answer(0x19, again.first));
    const asked = await peer.next('auth');
    peer.send(answer(0x18, again.last(asked.properties!.authenticationData!)));
    if (password === 'guest') {
      const done = await peer.next('auth');
      expect(done.reasonCode).toBe(0);
      expect(again.trusts(done.properties?.authenticationData)).toBe(true);
      await peer.settle();
    } else expect((await peer.next('disconnect')).reasonCode).toBe(0x87);
  }
  await until(() => peer.closed);
});

it('one that did not begin with a method cannot change to one [MQTT5-4.12.1-1]', async () => {
  const peer = await house.connect('plain');
  peer.send(answer(0x19, new ScramClient('guest', 'guest').first));
  expect((await peer.next('disconnect')).reasonCode).toBe(0x82);
});

it('a client of 3.1.1 that sends AUTH is closed', async () => {
  const peer = await house.connect311('old');
  peer.raw(Buffer.of(0xf0, 0));
  await until(() => peer.closed);
});
