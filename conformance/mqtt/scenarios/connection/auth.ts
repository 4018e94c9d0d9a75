/** Enhanced authentication [4.12]. */
import { strict as assert } from 'node:assert';
import type { Harness } from '../../harness.ts';
import type { RawClient } from '../../raw-client.ts';
import { codeOf, hex, type Received } from '../../received.ts';
import { type Scenario, v5 } from '../../scenario.ts';
import { ScramClient } from '../../scram.ts';
import { refused } from '../steps.ts';

const METHOD = 'SCRAM-SHA-256';
const SCRAM = { needs: 'scram' } as const;
const MAXIMUM = 160;

const challengeOf = (auth: Received): Buffer => {
  assert.equal(codeOf(auth), 0x18, 'more is asked for with 0x18');
  assert.equal(auth.properties['authenticationMethod'], METHOD);
  assert.ok(auth.bytes.length <= MAXIMUM, `AUTH of ${auth.bytes.length} bytes`);
  return auth.properties['authenticationData'] as Buffer;
};

/** Begins with CONNECT; returns the client and what it has to answer. */
async function begun(harness: Harness, scram: ScramClient): Promise<[RawClient, Buffer]> {
  const client = await harness.open();
  const properties = { authenticationMethod: METHOD, authenticationData: scram.first, maximumPacketSize: MAXIMUM };
  client.bytes(client.connectPacket({ clientId: harness.id(), properties }));
  return [client, challengeOf(await client.expect('auth'))];
}

const say = (client: RawClient, reasonCode: number, authenticationData: Buffer, authenticationMethod = METHOD): void =>
  client.send({ cmd: 'auth', reasonCode, properties: { authenticationMethod, authenticationData } });

/** A client that has proved who it is. */
async function proved(harness: Harness): Promise<RawClient> {
  const scram = new ScramClient('guest', 'guest');
  const [client, challenge] = await begun(harness, scram);
  say(client, 0x18, scram.answer(challenge));
  const connack = await client.expect('connack');
  assert.equal(codeOf(connack), 0);
  assert.equal(connack.properties['authenticationMethod'], METHOD);
  assert.ok(scram.proves(connack.properties['authenticationData'] as Buffer), 'the server proves itself');
  return client;
}

export const AUTH: readonly Scenario[] = [
  v5(
    'SCRAM-SHA-256: the password is proved, both ways',
    '4.12.0-2 4.12.0-5 3.15.2-1 3.15.2-2 3.15.2-3',
    async (harness) => {
      const client = await proved(harness);
      await client.subscribe(harness.topic());
      await client.publish(harness.topic(), 'authenticated');
      await client.message('authenticated');
    },
    SCRAM,
  ),
  v5(
    'SCRAM-SHA-256: a wrong password is refused at the end, as is a user that there is not',
    '4.12.0-4 4.13.2-1',
    async (harness) => {
      const seen = new Set<string>();
      for (const [user, password] of [
        ['guest', 'wrong'],
        ['nobody', 'guest'],
      ] as const) {
        const scram = new ScramClient(user, password);
        const [client, challenge] = await begun(harness, scram);
        say(client, 0x18, scram.answer(challenge));
        seen.add(await refused(client));
      }
      assert.equal(seen.size, 1, 'nobody is told which it was');
    },
    SCRAM,
  ),
  v5(
    'SCRAM-SHA-256: another packet in between is refused',
    '3.1.4-6 4.13.1-1',
    async (harness) => {
      const [client] = await begun(harness, new ScramClient('guest', 'guest'));
      client.send({ cmd: 'publish', topic: harness.topic(), payload: 'early', qos: 0 });
      await refused(client);
      // One with what the right AUTH holds: its type alone is wrong.
      for (const first of [0xc0, 0xa2]) {
        const scram = new ScramClient('guest', 'guest');
        const [other, challenge] = await begun(harness, scram);
        const properties = { authenticationMethod: METHOD, authenticationData: scram.answer(challenge) };
        const bytes = other.encode({ cmd: 'auth', reasonCode: 0x18, properties });
        bytes[0] = first;
        other.bytes(bytes);
        await refused(other);
      }
    },
    SCRAM,
  ),
  v5(
    'SCRAM-SHA-256: another method in between is refused',
    '4.12.0-4 4.12.0-5',
    async (harness) => {
      const scram = new ScramClient('guest', 'guest');
      const [client, challenge] = await begun(harness, scram);
      say(client, 0x18, scram.answer(challenge), 'SCRAM-SHA-1');
      await refused(client);
    },
    SCRAM,
  ),
  v5(
    'SCRAM-SHA-256: proved again on an open connection',
    '4.12.0-2 4.12.0-5 3.15.2-1',
    async (harness) => {
      const client = await proved(harness);
      const scram = new ScramClient('guest', 'guest');
      say(client, 0x19, scram.first);
      say(client, 0x18, scram.answer(challengeOf(await client.expect('auth'))));
      const done = await client.expect('auth');
      assert.equal(codeOf(done), 0, hex(codeOf(done)));
      assert.equal(done.properties['authenticationMethod'], METHOD);
      assert.ok(scram.proves(done.properties['authenticationData'] as Buffer));
      await client.ping();
    },
    SCRAM,
  ),
  v5(
    'SCRAM-SHA-256: who fails to prove it again is disconnected',
    '4.12.1-2 4.13.2-1',
    async (harness) => {
      const client = await proved(harness);
      const scram = new ScramClient('guest', 'wrong');
      say(client, 0x19, scram.first);
      say(client, 0x18, scram.answer(challengeOf(await client.expect('auth'))));
      assert.match(await client.ended(), /^DISCONNECT 0x8[67], closed$/);
    },
    SCRAM,
  ),
];
