/** Deliveries of shared subscriptions that are leased, renewed, parked and asked for: by words under `$delivery/`. */
import type * as wire from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { DOT } from '../../../../src/message/message.ts';
import { pass } from '../../../support/pass.ts';
import { until } from '../../../support/until.ts';
import { type Harness, openSession, publish1, publishAs, startHarness, text } from '../harness.ts';
import type { RawClient } from '../raw-client.ts';

const SHARE = '$share/g/jobs/+';
const LATE = 0x83;
const NONSENSE = 0x90;
let clock: ManualClock;
let harness: Harness;
let session: Session;

beforeEach(async () => {
  clock = new ManualClock();
  harness = await startHarness({}, { clock });
  session = await openSession(harness.broker);
});
afterEach(() => harness.broker.close());

const properties = (userProperties: Record<string, string | string[]>): { userProperties: wire.UserProperties } => ({
  userProperties,
});
const told = (packet: wire.IPublishPacket): wire.UserProperties => packet.properties?.userProperties ?? {};

/** A member whose deliveries are leased for a second. */
async function member(id: string, more: Partial<wire.IConnectPacket> = {}, qos: 1 | 2 = 1): Promise<RawClient> {
  const client = await harness.connect(id, { sessionExpiryInterval: more.clean === false ? 600 : 0 }, more);
  expect(await client.subscribe(SHARE, qos, 1, {}, properties({ 'x-lease': '1000' }))).toBe(qos);
  return client;
}
function put(body: string): void {
  publishAs(session, 'amq.topic', DOT, 'jobs.1', body, (draft) => {
    draft.assurance = 1;
  });
}
const waiting = (): number => session.checkQueue(SHARE).messages;
const puback = (client: RawClient, { messageId }: wire.IPublishPacket, reasonCode = 0): void =>
  client.send({ cmd: 'puback', messageId: messageId!, reasonCode });

describe('a lease', () => {
  it('that runs out gives the message to another member, and the late PUBACK settles nothing', async () => {
    const slow = await member('slow');
    put('job');
    const first = await slow.next('publish');
    const other = await member('other');
    await pass(clock, 1_200);
    const second = await other.next('publish');
    expect(text(second)).toBe('job');
    // The identifier is in use until it is answered, and until then the member gets nothing.
    put('next');
    await slow.settle();
    expect(slow.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([]);
    puback(other, second);
    expect(text(await other.next('publish'))).toBe('next');
    puback(slow, first);
    put('last');
    const last = await slow.next('publish');
    expect(text(last)).toBe('last');
    expect(last.messageId).not.toBe(first.messageId);
    expect(slow.closed).toBe(false);
  });

  it('is renewed by packet identifier, or of all at once', async () => {
    const client = await member('m');
    put('a');
    put('b');
    const [a, b] = [await client.next('publish'), await client.next('publish')];
    await pass(clock, 700);
    const tags = `${a.messageId},${b.messageId}`;
    expect(await publish1(client, '$delivery/renew', '', properties({ 'x-delivery-tag': tags }), 7)).toBe(0);
    await pass(clock, 700);
    expect(await publish1(client, '$delivery/renew', '', {}, 8)).toBe(0);
    await pass(clock, 700);
    expect(await publish1(client, '$delivery/renew', '', properties({ 'x-delivery-tag': `${b.messageId}` }), 9)).toBe(
      0,
    );
    await pass(clock, 700);
    // The first has run out, the second has not.
    await until(() => waiting() === 1, 'the first to be back');
    expect(await publish1(client, '$delivery/renew', '', properties({ 'x-delivery-tag': `${a.messageId}` }), 10)).toBe(
      LATE,
    );
    expect(await publish1(client, '$delivery/renew', '', {}, 11)).toBe(LATE);
    puback(client, b);
    puback(client, a);
    expect(text(await client.next('publish'))).toBe('a');
  });

  it('can be renewed by a client of 3.1.1, which has no properties', async () => {
    session.declareQueue(SHARE, {
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: [{ name: 'x-lease', value: { type: 'int32', value: 1_000 } }],
    });
    const client = await harness.connect311('old');
    await client.subscribe(SHARE, 1);
    put('job');
    await client.next('publish');
    for (let i = 1; i <= 3; i++) {
      await pass(clock, 700);
      await publish1(client, '$delivery/renew', '', {}, i);
    }
    expect(waiting()).toBe(0);
    await pass(clock, 1_200);
    await until(() => waiting() === 1, 'the message to be back');
  });

  it('does not end a QoS 2 delivery, which may go to nobody else', async () => {
    const client = await member('m', {}, 2);
    publishAs(session, 'amq.topic', DOT, 'jobs.1', 'once', (draft) => {
      draft.assurance = 2;
    });
    const packet = await client.next('publish');
    expect(packet.qos).toBe(2);
    await pass(clock, 3_000);
    expect(waiting()).toBe(0);
    client.send({ cmd: 'pubrec', messageId: packet.messageId! });
    expect((await client.next('pubrel')).messageId).toBe(packet.messageId);
  });

  it('that ran out is forgotten with the connection: a kept member goes on', async () => {
    const client = await member('kept', { clean: false });
    put('job');
    await client.next('publish');
    await pass(clock, 1_200);
    await until(() => waiting() === 1, 'the message to be back');
    await client.vanish();
    const again = await harness.connect('kept', { sessionExpiryInterval: 600 }, { clean: false });
    const packet = await again.next('publish');
    expect(text(packet)).toBe('job');
    // Its lease is kept with the subscription.
    await pass(clock, 1_200);
    await until(() => waiting() === 1, 'the message to be back again');
  });

  it('that cannot be is refused, and so is one of a subscription of its own', async () => {
    const client = await harness.connect('m');
    expect(await client.subscribe(SHARE, 1, 1, {}, properties({ 'x-lease': '5' }))).toBe(LATE);
    expect(await client.subscribe('own/#', 1, 2, {}, properties({ 'x-lease': '5000' }))).toBe(LATE);
  });
});

describe('a parked message', () => {
  const defer = (
    client: RawClient,
    packet: wire.IPublishPacket,
    more: Record<string, string>,
    id = 20,
  ): Promise<number> =>
    publish1(client, '$delivery/defer', '', properties({ 'x-delivery-tag': `${packet.messageId}`, ...more }), id);

  it('comes by its token, ahead of the others, and says so', async () => {
    const client = await member('m');
    put('odd');
    const odd = await client.next('publish');
    expect(await defer(client, odd, { 'x-opt-delivery-delay': '60000', 'x-opt-deferral-token': 'k' })).toBe(0);
    puback(client, odd);
    expect(await publish1(client, '$delivery/claim', '', properties({ 'x-deferral-tokens': 'none' }), 21)).toBe(LATE);
    expect(await publish1(client, '$delivery/claim', '', properties({ 'x-deferral-tokens': 'k,none' }), 22)).toBe(0);
    const back = await client.next('publish');
    expect(text(back)).toBe('odd');
    expect(told(back)['x-opt-deferral-token']).toBe('k');
  });

  it('comes at its time, to whoever asks for it when he subscribes, or by the filter of one of several shares', async () => {
    const client = await member('m');
    put('timed');
    const timed = await client.next('publish');
    expect(await defer(client, timed, { 'x-opt-delivery-delay': '400' })).toBe(0);
    puback(client, timed);
    await pass(clock, 300);
    expect(client.packets).toEqual([]);
    await pass(clock, 200);
    const back = await client.next('publish');
    const token = { 'x-opt-delivery-delay': '60000', 'x-opt-deferral-token': 'mine' };
    expect(await defer(client, back, token, 21)).toBe(0);
    const other = await harness.connect('other');
    const asked = properties({ 'x-deferral-tokens': 'mine', 'x-lease': '2000' });
    expect(await other.subscribe(SHARE, 1, 1, {}, asked)).toBe(1);
    const claimed = await other.next('publish');
    expect(text(claimed)).toBe('timed');
    expect(await defer(other, claimed, token, 22)).toBe(0);
    expect(await other.subscribe('$share/g/more', 1, 2)).toBe(1);
    const claim = { 'x-deferral-tokens': 'mine' };
    expect(await publish1(other, '$delivery/claim', '', properties(claim), 23)).toBe(NONSENSE);
    expect(await publish1(other, '$delivery/claim', '', properties({ ...claim, subscription: SHARE }), 24)).toBe(0);
    expect(text(await other.next('publish'))).toBe('timed');
  });

  it('is not a failed attempt, and its identifier is in use until PUBACK', async () => {
    session.declareQueue(SHARE, {
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: [{ name: 'x-queue-type', value: 'quorum' }],
    });
    const client = await harness.connect('m', { receiveMaximum: 1 });
    await client.subscribe(SHARE, 1);
    put('odd');
    const odd = await client.next('publish');
    expect(await defer(client, odd, { 'x-opt-delivery-delay': '400' })).toBe(0);
    put('other');
    await pass(clock, 500);
    await client.settle();
    expect(client.packets).toEqual([]); // its Receive Maximum is used up
    puback(client, odd);
    const packet = await client.next('publish');
    expect(text(packet)).toBe('odd');
    expect([told(packet)['x-acquired-count'], told(packet)['x-delivery-count']]).toEqual(['1', undefined]);
  });

  it('was not parked by a word that says nothing, or of what is not held', async () => {
    const client = await member('m');
    put('odd');
    const odd = await client.next('publish');
    expect(await defer(client, odd, { 'x-opt-deferral-token': 'k' })).toBe(NONSENSE);
    expect(await defer(client, odd, { 'x-opt-delivery-delay': '1', 'x-opt-deferral-token': 'k'.repeat(256) })).toBe(
      NONSENSE,
    );
    expect(await defer(client, { ...odd, messageId: 999 }, { 'x-opt-delivery-delay': '400' })).toBe(LATE);
    expect(await publish1(client, '$delivery/defer', '', properties({ 'x-opt-delivery-delay': '1' }))).toBe(NONSENSE);
    expect(await publish1(client, '$delivery/renew', '', properties({ 'x-delivery-tag': '70000' }))).toBe(NONSENSE);
    expect(await publish1(client, '$delivery/away', '', {})).toBe(NONSENSE);
    expect(await client.subscribe('$delivery/#', 1, 3)).toBe(0x8f);
    client.publish('$delivery/renew', '', 2, 30, { properties: properties({ 'x-delivery-tag': `${odd.messageId}` }) });
    expect((await client.next('pubrec')).reasonCode ?? 0).toBe(0);
    puback(client, odd);
    await client.settle();
    expect(waiting()).toBe(0);
  });
});
