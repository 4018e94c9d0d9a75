/** SCRAM-SHA-256 over AMQP: connection.secure and secure-ok until both have proved that they know the password. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScramClient } from '../../../auth/scram-client.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { closeOf, type Frame, GREETING, long, method, methodOf, OPEN, short, TUNE_OK, u8, Wire } from '../wire.ts';

const SCRAM = 'SCRAM-SHA-256';
const table = (...fields: [string, Buffer][]): Buffer =>
  long(Buffer.concat(fields.flatMap(([name, value]) => [short(name), value])));
const CAPABLE = table([
  'capabilities',
  Buffer.concat([u8(0x46), table(['authentication_failure_close', Buffer.from('t\x01', 'latin1')])]),
]);
const startOk = (response: Buffer, mechanism = SCRAM): Buffer =>
  method(0, 10, 11, CAPABLE, short(mechanism), long(response), short('en_US'));
const secureOk = (response: Buffer): Buffer => method(0, 10, 21, long(response));
/** What a challenge brings. */
const challengeOf = ({ payload }: Frame): Buffer => payload.subarray(4 + 4);
const REFUSED = `403 ACCESS_REFUSED - Login was refused using authentication mechanism ${SCRAM}. For details see the broker logfile.`;

let broker: TestBroker;
beforeAll(async () => {
  broker = await startTestBroker({
    listen: ['amqp://127.0.0.1:0'],
    users: { u: { password: 'p', permissions: { '/': { configure: '', write: '', read: '' } } }, none: {} },
  });
});
afterAll(() => broker.close());

async function asked(user: string, password: string): Promise<{ wire: Wire; scram: ScramClient; challenge: Frame }> {
  const wire = await Wire.connect(broker.ports.amqp);
  const scram = new ScramClient(user, password);
  wire.send(GREETING, startOk(scram.first));
  return { wire, scram, challenge: await wire.until('10.20') };
}

async function refusalOf(wire: Wire): Promise<string> {
  const text = closeOf(await wire.until('10.50'));
  wire.send(method(0, 10, 51));
  await wire.closed();
  return text;
}

it('is offered', async () => {
  const wire = await Wire.connect(broker.ports.amqp);
  wire.send(GREETING);
  expect((await wire.next()).payload.includes(` ${SCRAM}`)).toBe(true);
  wire.destroy();
});

it('lets in who knows the password, once it has seen that the broker knows it as well', async () => {
  const { wire, scram, challenge } = await asked('u', 'p');
  wire.send(secureOk(scram.last(challengeOf(challenge))));
  const proof = await wire.next();
  expect([methodOf(proof), scram.trusts(challengeOf(proof))]).toEqual(['10.20', true]);
  wire.send(secureOk(Buffer.alloc(0)));
  expect(methodOf(await wire.next())).toBe('10.30');
  wire.send(TUNE_OK, OPEN);
  expect(methodOf(await wire.next())).toBe('10.41');
  wire.destroy();
});

it('asks first where the first response is empty', async () => {
  const wire = await Wire.connect(broker.ports.amqp);
  wire.send(GREETING, startOk(Buffer.alloc(0)));
  expect(challengeOf(await wire.until('10.20'))).toEqual(Buffer.alloc(0));
  const scram = new ScramClient('u', 'p');
  wire.send(secureOk(scram.first));
  wire.send(secureOk(scram.last(challengeOf(await wire.until('10.20')))));
  expect(scram.trusts(challengeOf(await wire.until('10.20')))).toBe(true);
  wire.destroy();
});

describe('refuses', () => {
  it.each([
    ['a wrong password', 'u', 'q'],
    ['a user who is not there', 'nobody', 'p'],
    ['a user without a password', 'none', ''],
  ])('%s, and asks as it asks others', async (_what, user, password) => {
    const { wire, scram, challenge } = await asked(user, password);
    wire.send(secureOk(scram.last(challengeOf(challenge))));
    expect(await refusalOf(wire)).toBe(REFUSED);
  });

  it('another word in the place of the answer to its own proof', async () => {
    const { wire, scram, challenge } = await asked('u', 'p');
    wire.send(secureOk(scram.last(challengeOf(challenge))));
    await wire.until('10.20');
    wire.send(secureOk(Buffer.from('x')));
    expect(await refusalOf(wire)).toBe(REFUSED);
  });

  it('tune-ok and open in the place of an answer, and an answer that nobody has asked for', async () => {
    const { wire } = await asked('u', 'p');
    wire.send(TUNE_OK, OPEN);
    expect(await refusalOf(wire)).toBe('504 CHANNEL_ERROR - unexpected method in connection state securing');
    const other = await Wire.connect(broker.ports.amqp);
    other.send(GREETING, secureOk(Buffer.alloc(0)));
    expect(await refusalOf(other)).toBe('504 CHANNEL_ERROR - unexpected method in connection state starting');
  });
});
