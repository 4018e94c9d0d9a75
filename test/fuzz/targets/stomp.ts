/**
 * STOMP: conversations in all three versions that use every command, and every header that means something.
 *
 * An ACK must bring back a token, which is made of the connection's name and counts. So every connection is given the same
 * name, and a turn is ended before each ACK, so that what it acknowledges has been delivered.
 */
import { type StompProtocol, stomp } from '../../../protocols/stomp/index.ts';
import type { ConnectionHandler, Protocol, Transport } from '../../../src/api/index.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { FuzzTarget } from '../target.ts';

const SESSION = `${new ManualClock().epochMs().toString(36)}-1`;
/** The end of NACK, too. */
const SETTLES = Buffer.from('ACK\n');

function frame(command: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.of(0)]);
}

const connect = (versions: string, more: Record<string, string> = {}): Buffer =>
  frame('CONNECT', { 'accept-version': versions, host: '/', ...more });
const receipt = { receipt: 'r' };
const everyHeader = {
  destination: '/topic/fuzzed.a',
  receipt: 'all',
  persistent: 'true',
  priority: '5',
  expiration: '60000',
  expires: '99999999999999',
  timestamp: '1700000000000',
  'reply-to': '/temp-queue/answers',
  'correlation-id': 'c',
  'content-type': 'text/plain',
  'content-encoding': 'gzip',
  'amqp-message-id': 'm',
  type: 't',
  'app-id': 'a',
  JMSXGroupID: 'g',
  'amq-msg-type': 'text',
  transformation: 'jms-map-json',
  'message-id': 'stripped',
  subscription: 'stripped',
  redelivered: 'stripped',
  hasOwnProperty: 'x',
  constructor: 'y',
};

const whole: Buffer[] = [
  frame('SUBSCRIBE', { id: '1', destination: '/queue/fuzzed', ack: 'client-individual', 'prefetch-count': '9' }),
  frame('SEND', { destination: '/queue/fuzzed', 'content-length': '3', ...receipt }, 'a\0b'),
  frame('SEND', { destination: '/queue/fuzzed', persistent: 'true' }, 'text'),
  frame('ACK', { id: `${SESSION}.1.1.0`, ...receipt }),
  frame('NACK', { id: `${SESSION}.1.2.1`, requeue: 'false' }),
  Buffer.from('\n\r\n\n'),
  frame('SUBSCRIBE', { id: '2', destination: '/topic/fuzzed.*', ack: 'client', 'no-local': 'false' }),
  frame('SEND', everyHeader, 'ünï\\'),
  frame('SEND', { destination: '/topic/fuzzed.b', 'esc\\caped': 'a\\nb\\\\c\\r' }, 'x'),
  frame('BEGIN', { transaction: 't', ...receipt }),
  frame('SEND', { destination: '/queue/fuzzed', transaction: 't' }, 'in'),
  frame('ACK', { id: `${SESSION}.2.2.1`, transaction: 't' }),
  frame('COMMIT', { transaction: 't', ...receipt }),
  frame('BEGIN', { transaction: 'u' }),
  frame('SEND', { destination: '/queue/fuzzed', transaction: 'u', AMQ_SCHEDULED_DELAY: '10' }, 'out'),
  frame('ABORT', { transaction: 'u' }),
  frame('SUBSCRIBE', { id: '3', destination: '/exchange/amq.direct/k', durable: 'true', ack: 'auto' }),
  frame('SEND', { destination: '/exchange/amq.direct/k' }, 'x'),
  frame('SUBSCRIBE', { id: '4', destination: '/temp-queue/mine', 'activemq.priority': '5' }),
  frame('SEND', { destination: '/queue/fuzzed,/temp-topic/t,/remote-temp-queue/x', ...receipt }, 'all'),
  frame('SUBSCRIBE', { id: '16', destination: '/queue/fuzzed,/topic/fuzzed.b,/temp-topic/t', ack: 'client' }),
  frame('SUBSCRIBE', { id: '17', destination: '/queue/fuzzed', browser: 'true', ...receipt }),
  frame('SUBSCRIBE', { id: '5', destination: '/topic/named', 'activemq.subscriptionName': 's', 'client-id': 'c' }),
  frame('SEND', { destination: '/queue/large', 'content-length': '150000' }, Buffer.alloc(150_000, 'x')),
  frame('SEND', { destination: '/queue/large' }, Buffer.alloc(140_000, 'y')),
  frame('SUBSCRIBE', { id: '6', destination: '/amq/queue/large' }),
  frame('UNSUBSCRIBE', { id: '1', ...receipt }),
  frame('UNSUBSCRIBE', { id: '3', durable: 'true' }),
  frame('UNSUBSCRIBE', { id: '5', 'activemq.subscriptionName': 's', 'client-id': 'c' }),
  frame('DISCONNECT', receipt),
];

const older: Buffer[] = [
  frame('SUBSCRIBE', { id: 'one', destination: '/queue/fuzzed', ack: 'client' }),
  frame('SEND', { destination: '/queue/fuzzed', receipt: 'colon\\c', odd: 'a\\cb\\n' }, 'text'),
  frame('SEND', { destination: '/queue/fuzzed', 'content-length': '1' }, '\0'),
  frame('ACK', { subscription: 'one', 'message-id': `${SESSION}.1.1.0` }),
  frame('NACK', { subscription: 'one', 'message-id': `${SESSION}.1.2.1`, ...receipt }),
  frame('UNSUBSCRIBE', { id: 'one' }),
  frame('DISCONNECT'),
];

const oldest: Buffer[] = [
  Buffer.from('SUBSCRIBE\r\ndestination: /queue/fuzzed\r\nack: client\r\n\r\n\0\r\n'),
  Buffer.from('SEND\ndestination: /queue/fuzzed\nback\\slash: a:b\\n\n\ntext\0'),
  frame('ACK', { 'message-id': `${SESSION}.1.1.0` }),
  frame('UNSUBSCRIBE', { destination: '/queue/fuzzed' }),
  frame('DISCONNECT', receipt),
];

/** Every connection of it has the same name; see above. */
function repeatable(protocol: StompProtocol): Protocol {
  return {
    ...protocol,
    accept(transport: Transport, broker: Broker): ConnectionHandler {
      const connection = protocol.accept(transport, broker) as ConnectionHandler & { adapter: { sessions: number } };
      connection.adapter.sessions = 0;
      const take = connection.data.bind(connection);
      connection.data = (chunk) => {
        let at = 0;
        for (let ack = chunk.indexOf(SETTLES); ack >= 0; ack = chunk.indexOf(SETTLES, ack + 1)) {
          take(chunk.subarray(at, ack));
          broker.turn.end();
          at = ack;
        }
        take(chunk.subarray(at));
      };
      return connection;
    },
  };
}

/** Makes the length fit the body again, and the end a NUL. */
function repair(packet: Buffer): Buffer {
  const head = packet.indexOf('\n\n');
  if (head < 0) return packet;
  const body = packet.subarray(head + 2, packet.at(-1) === 0 ? -1 : packet.length);
  const headers = packet.latin1Slice(0, head).replace(/content-length:[^\n]*/, `content-length:${body.length}`);
  return Buffer.concat([Buffer.from(`${headers}\n\n`, 'latin1'), body, Buffer.of(0)]);
}

const text = (...texts: string[]): Buffer[] => texts.map((it) => Buffer.from(it));

export const stompTarget: FuzzTarget = {
  name: 'stomp',
  protocol: () => repeatable(stomp({ bodySizeMax: 1024 * 1024, unmeasuredBodySizeMax: 256 * 1024, headersMax: 48 })),
  conversations: [
    { prelude: [connect('1.2', { 'client-id': 'c' })], packets: whole },
    { prelude: [connect('1.0,1.1')], packets: older },
    { prelude: [frame('CONNECT', { login: 'guest', passcode: 'guest' })], packets: oldest },
    {
      prelude: [],
      packets: [
        Buffer.from('\n'),
        frame('STOMP', { 'accept-version': '1.0,1.1,1.2', host: 'localhost', 'heart-beat': '1000,1000' }),
        Buffer.from('\n'),
        frame('DISCONNECT'),
      ],
    },
  ],
  dictionary: text(
    '\n',
    '\r\n',
    '\0',
    ':',
    '\\',
    '\\c',
    '\\n',
    '\\r',
    '\\x',
    '\n\n',
    'content-length:5\n',
    'content-length:200000\n',
    'content-length:99999999999999999999\n',
    'receipt:r\n',
    'transaction:t\n',
    'ack:client\n',
    'ack:client-individual\n',
    'destination:/queue/fuzzed\n',
    'destination:/temp-queue/mine\n',
    'reply-to:/temp-queue/x\n',
    'no-local:true\n',
    "selector:a > 5 AND b LIKE 'x%'\n",
    'selector:(((\n',
    'x-max-length:5\n',
    'x-dead-letter-exchange:amq.topic\n',
    'durable:true\n',
    'exclusive:true\n',
    'auto-delete:true\n',
    'persistent:true\n',
    'requeue:false\n',
    '__proto__:x\n',
    '%2F',
    '%',
    '/queue/',
    '/topic/#',
    '/exchange/amq.headers/',
    '/reply-queue/',
    'SEND\n',
    'ACK\n',
    'CONNECT\n',
    `${SESSION}.1.1.0`,
    '.',
    '99999999999999999999',
    'é',
  ),
  repair,
  internalErrors: (protocol) => (protocol as StompProtocol).stats.internalErrors,
  complaints: (protocol) => (protocol as StompProtocol).stats.errorsSent,
};
