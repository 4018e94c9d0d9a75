/** While memory is past its mark SEND waits, as in ActiveMQ and RabbitMQ; who asks for it hears ERROR after a while, as in ActiveMQ. */
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { header, RawClient } from '../raw-client.ts';

const PAST = { memory: { highWatermark: '1 MiB' } } as const;
const Q = { destination: '/queue/q' };

let clock: ManualClock;
let broker: TestBroker;
afterEach(() => broker.close());

async function start(heldMax: string): Promise<RawClient> {
  clock = new ManualClock();
  broker = await startTestBroker({ clock, listen: ['stomp://127.0.0.1:0'], stomp: { heldMax } });
  const client = await RawClient.open(broker.ports.stomp, '1.2');
  broker.setLimits(PAST);
  return client;
}

/** Time passes, for as long as it takes and at most for a minute. */
async function pass(enough: () => boolean = () => false): Promise<void> {
  for (let i = 0; i < 600 && !enough(); i++) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const frame = (client: RawClient, command: string) => client.frames.find((one) => one.command === command);

it('a SEND that has waited as long as it may is answered with ERROR, and names its receipt', async () => {
  const client = await start('5s');
  client.send('SEND', { ...Q, receipt: 'a\\cb' }, 'x');
  await pass(() => frame(client, 'ERROR') !== undefined);
  const error = frame(client, 'ERROR')!;
  expect(header(error, 'receipt-id')).toBe('a\\cb');
  expect(error.body.toString()).toContain('low on memory');
  await client.untilEnded();
});

it('acknowledgements before it pass, and it goes on when there is room', async () => {
  const client = await start('0');
  broker.setLimits({});
  await client.confirmed('SEND', Q, 'one');
  client.send('SUBSCRIBE', { ...Q, id: '1', ack: 'client-individual' });
  await until(() => frame(client, 'MESSAGE') !== undefined);
  broker.setLimits(PAST);
  await client.confirmed('ACK', { id: header(frame(client, 'MESSAGE')!, 'ack')! });
  client.send('SEND', { ...Q, receipt: 'late' }, 'two');
  await pass();
  expect(client.frames.some((one) => header(one, 'receipt-id') === 'late')).toBe(false);
  broker.setLimits({});
  await until(() => client.frames.some((one) => header(one, 'receipt-id') === 'late'));
});
