/** Questions of `questions.ts`, asked of a broker over MQTT 5.0. */
import { RawClient } from '../mqtt/raw-client.ts';
import { codeOf, hex } from '../mqtt/received.ts';

export interface Asked {
  readonly port: number;
  readonly asker: RawClient;
}

const PASSWORDS: Readonly<Record<string, string>> = { ann: 'pw2', bob: 'pw', admin: 'admin-password', nobody: 'pw' };

/** @param line `user/clientId what [topic]` */
export async function ask({ port, asker }: Asked, line: string): Promise<string> {
  const [who, what, topic = ''] = line.split(' ') as [string, string, string?];
  const [username, clientId] = who.split('/') as [string, string];
  const client = await RawClient.open(port, 5);
  const password = what === 'wrong-password' ? 'wrong' : PASSWORDS[username]!;
  const will = what === 'will' ? { will: { topic, payload: 'gone', qos: 1 } } : {};
  client.bytes(client.connectPacket({ username, password, clientId, ...will }));
  const code = codeOf(await client.expect('connack'));
  try {
    if (code !== 0 || what === 'connect' || what === 'wrong-password') return hex(code);
    if (what === 'publish') return hex(codeOf((await client.publish(topic, 'x', { qos: 1 }))!));
    if (what === 'subscribe') return hex((await client.subscribe(topic))[0]!);
    if (what === 'unsubscribe') {
      await client.subscribe(topic);
      return hex((await client.unsubscribe(topic)).granted[0]!);
    }
    if (what === 'receive') return await received(client, asker, topic);
    return await left(client, { port, asker }, topic);
  } finally {
    client.close();
  }
}

/** What the asker has published and retained, and what comes of it; a message to another topic ends the wait. */
async function received(client: RawClient, asker: RawClient, topic: string): Promise<string> {
  await asker.publish(topic, 'retained', { qos: 1, retain: true });
  const kinds: string[] = [];
  const upTo = async (end: string): Promise<boolean> => {
    await asker.publish('t/end', end, { qos: 1 });
    let came = false;
    for (;;) {
      const { payload } = await client.expectAmong('publish');
      if (payload.toString() === end) return came;
      came = true;
    }
  };
  await client.subscribe({ topic: 't/#', qos: 1 });
  if (await upTo('end 1')) kinds.push('retained');
  await asker.publish(topic, 'live', { qos: 1 });
  if (await upTo('end 2')) kinds.unshift('live');
  await asker.publish(topic, '', { qos: 1, retain: true });
  return kinds.length === 0 ? 'nothing' : kinds.join(', ');
}

/** Its will, and behind it that of another client, which may be published. */
async function left(client: RawClient, { port, asker }: Asked, topic: string): Promise<string> {
  await asker.subscribe({ topic, qos: 1 }, { topic: 'sensors/last', qos: 1 });
  client.drop();
  const last = await RawClient.open(port, 5);
  const will = { topic: 'sensors/last', payload: 'last', qos: 1 };
  await last.connected({ username: 'ann', password: 'pw2', clientId: 'last', will });
  last.drop();
  let came = 'nothing';
  for (;;) {
    const { payload } = await asker.expectAmong('publish');
    if (payload.toString() === 'last') break;
    came = 'published';
  }
  await asker.unsubscribe(topic, 'sensors/last');
  return came;
}
