/** The same authentication service behind this broker and behind RabbitMQ: the same questions arrive, and its answers mean the same. */
import amqplib, { type Channel, type ChannelModel } from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthService, type Question, startAuthService } from '../../test/auth/backends/harness.ts';
import { stompWire } from '../../test/auth/backends/stomp-wire.ts';
import { type BackendBroker, httpHere, httpThere, WITHOUT_RABBITMQ } from './brokers.ts';
import { DIFFERENCES, type DifferenceId } from './differences.ts';

interface Step {
  readonly what: string;
  readonly act: (channel: Channel) => Promise<unknown>;
  /** The questions that arrive, each once: path, then what it says beside the user, the vhost and tags. */
  readonly asks: readonly string[];
}

/** What AMQP's clients do, each on a channel of its own, with names that come once. */
const STEPS: readonly Step[] = [
  { what: 'declare', act: (c) => c.assertQueue('q1'), asks: ['queue configure q1'] },
  { what: 'declare again', act: (c) => c.checkQueue('q1'), asks: [] },
  {
    what: 'declare with dead letters',
    act: (c) => c.assertQueue('q2', { arguments: { 'x-dead-letter-exchange': 'amq.fanout' } }),
    asks: ['queue configure q2', 'queue read q2', 'exchange write amq.fanout'],
  },
  { what: 'an exchange', act: (c) => c.assertExchange('e1', 'topic'), asks: ['exchange configure e1'] },
  {
    what: 'an exchange with an alternate',
    act: (c) => c.assertExchange('e2', 'direct', { alternateExchange: 'amq.headers' }),
    asks: ['exchange configure e2', 'exchange read e2', 'exchange write amq.headers'],
  },
  {
    what: 'bind to a topic',
    act: (c) => c.bindQueue('q1', 'e1', 'a.*'),
    asks: ['queue write q1', 'exchange read e1', 'topic read e1 a.*'],
  },
  {
    what: 'bind exchanges',
    act: (c) => c.bindExchange('e3', 'amq.direct', 'k'),
    asks: ['exchange write e3', 'exchange read amq.direct'],
  },
  {
    what: 'publish to a topic',
    act: (c) => published(c, 'e1', 'a.b'),
    asks: ['exchange write e1', 'topic write e1 a.b'],
  },
  { what: 'publish to the default exchange', act: (c) => published(c, '', 'q1'), asks: ['exchange write amq.default'] },
  { what: 'get', act: (c) => c.get('q3', { noAck: true }), asks: ['queue read q3'] },
  { what: 'purge', act: (c) => c.purgeQueue('q4'), asks: ['queue read q4'] },
  { what: 'consume', act: (c) => c.consume('q5', () => {}), asks: ['queue read q5'] },
  { what: 'delete', act: (c) => c.deleteQueue('q6'), asks: ['queue configure q6'] },
  { what: 'delete an exchange', act: (c) => c.deleteExchange('e4'), asks: ['exchange configure e4'] },
];

/** What a service may answer when it is asked for a user, and whether the client is let in. */
const ANSWERS: readonly (readonly [answer: string, there: boolean, here?: boolean, because?: DifferenceId])[] = [
  ['allow', true],
  ['ALLOW', true],
  ['allow administrator monitoring', true],
  [' allow \n', true],
  ['deny', false],
  ['deny because', false],
  ['Allowed', true, false, 'words'],
  ['yes', false],
  ['{"result": "allow"}', false],
  ['', false],
];

const BROKERS = [
  { kind: 'this broker', there: false, start: httpHere, skipped: false },
  { kind: 'RabbitMQ', there: true, start: httpThere, skipped: WITHOUT_RABBITMQ },
];

for (const { kind, there, start, skipped } of BROKERS) {
  describe.skipIf(skipped)(`a service that is asked by ${kind}`, () => {
    let service: AuthService;
    let broker: BackendBroker;
    let connection: ChannelModel;

    beforeAll(async () => {
      service = await startAuthService();
      broker = await start(service);
      connection = await amqp('u');
      const channel = await connection.createChannel();
      for (const queue of ['q3', 'q4', 'q5', 'q6']) await channel.assertQueue(queue);
      for (const exchange of ['e3', 'e4']) await channel.assertExchange(exchange, 'direct');
      service.asked.length = 0;
    }, 120_000);
    afterAll(async () => {
      await connection?.close();
      await broker?.stop();
      await service?.close();
    }, 60_000);

    const amqp = (user: string): Promise<ChannelModel> =>
      amqplib.connect(`amqp://${user}:p@127.0.0.1:${broker.amqpPort}`);

    it.each(STEPS)('hears of $what', async ({ act, asks }) => {
      const channel = await connection.createConfirmChannel();
      service.asked.length = 0;
      await act(channel);
      await channel.close();
      // An answer counts here for the user, there for the channel: what was asked for before is not always asked again.
      const asked = [...new Set(service.asked.map(lineOf))];
      const before = there ? [] : asks.filter((line) => !asked.includes(line));
      expect([...before, ...asked].sort()).toEqual([...asks].sort());
      if (!there) for (const line of before) expect(seen.has(line)).toBe(true);
      for (const line of asks) seen.add(line);
    });
    const seen = new Set(['queue configure q6', 'exchange configure e4', 'exchange configure e3']);

    it('hears the same of a login', async () => {
      service.asked.length = 0;
      await (await amqp('login')).close();
      expect(service.asked.map(({ path, fields }) => [path, fields])).toEqual([
        ['user', { username: 'login', password: 'p' }],
        ['vhost', { username: 'login', vhost: '/', ip: '127.0.0.1', tags: '' }],
      ]);
    });

    it('hears the tags that it has given', async () => {
      service.answer = ({ path }) => (path === 'user' ? 'allow Management policymaker' : 'allow');
      service.asked.length = 0;
      await (await amqp('tagged')).close();
      service.answer = () => 'allow';
      expect(service.asked.at(-1)!.fields).toEqual({
        username: 'tagged',
        vhost: '/',
        ip: '127.0.0.1',
        tags: 'management policymaker',
      });
    });

    it('hears the same of MQTT: who it is, what it writes and reads', async () => {
      service.asked.length = 0;
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.mqttPort}`, {
        ...{ username: 'm', password: 'p', clientId: 'id', reconnectPeriod: 0 },
      });
      await client.subscribeAsync('in/+', { qos: 1 });
      await client.publishAsync('out/x', 'x', { qos: 1 });
      await client.endAsync();
      const [user, vhost] = service.asked;
      expect(user!.fields).toEqual({ username: 'm', password: 'p', vhost: '/', client_id: 'id' });
      expect(vhost!.fields).toEqual({ username: 'm', vhost: '/', ip: '127.0.0.1', tags: '', client_id: 'id' });
      const lines = new Set(service.asked.slice(2).map(lineOf));
      for (const line of [
        'exchange read amq.topic',
        'topic read amq.topic in.*',
        'exchange write amq.topic',
        'topic write amq.topic out.x',
      ]) {
        expect(lines).toContain(line);
        lines.delete(line);
      }
      // DIFFERENCES['own-queues']
      expect([...lines].every((line) => there && line.startsWith('queue '))).toBe(true);
      const topic = service.asked.find((question) => lineOf(question) === 'topic write amq.topic out.x');
      expect(topic!.fields).toEqual({
        username: 'm',
        vhost: '/',
        resource: 'topic',
        name: 'amq.topic',
        permission: 'write',
        tags: '',
        routing_key: 'out.x',
        'variable_map.client_id': 'id',
        'variable_map.username': 'm',
        'variable_map.vhost': '/',
      });
    });

    it('hears the same of STOMP', async () => {
      service.asked.length = 0;
      const client = await stompWire(broker.stompPort, { login: 's', passcode: 'p' });
      expect(await client.frame()).toMatch(/^CONNECTED/);
      client.send('SEND', { destination: '/topic/st', receipt: 'r' }, 'x');
      expect(await client.frame()).toMatch(/^RECEIPT/);
      client.close();
      expect(service.asked[0]!.fields).toEqual({ username: 's', password: 'p', vhost: '/' });
      const lines = service.asked.map(lineOf);
      expect(lines).toContain('exchange write amq.topic');
      expect(lines).toContain('topic write amq.topic st');
    });

    const answers = ANSWERS.map(([answer, letsIn, here = letsIn]) => ({ answer, wanted: there ? letsIn : here }));
    it.each(answers)('answers $answer', async ({ answer, wanted }) => {
      const user = `a${Buffer.from(answer).toString('hex')}`;
      service.answer = ({ path }) => (path === 'user' ? answer : 'allow');
      const letIn = await amqp(user).then(
        async (opened) => {
          await opened.close();
          return true;
        },
        () => false,
      );
      service.answer = () => 'allow';
      expect(letIn).toBe(wanted);
    });

    it('that denies a vhost, a queue or a topic is obeyed in the same words', async () => {
      const texts: string[] = [];
      const refusedOf = async (act: () => Promise<unknown>): Promise<void> => {
        texts.push(
          await act().then(
            () => 'yes',
            (error: Error) => error.message,
          ),
        );
      };
      service.answer = ({ path, fields }) =>
        path === 'vhost' || fields['name'] === 'no' || fields['routing_key'] === 'no' ? 'deny' : 'allow';
      await refusedOf(() => amqp('nowhere'));
      // What this client makes of connection.close in the place of open-ok.
      expect(texts).toEqual([expect.stringContaining('ConnectionClose')]);
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      await refusedOf(() => channel.assertQueue('no'));
      const other = await connection.createChannel();
      other.on('error', () => {});
      await refusedOf(() => other.bindQueue('q1', 'amq.topic', 'no'));
      service.answer = () => 'allow';
      expect(texts.map((text) => /(NOT_ALLOWED|ACCESS_REFUSED) - [^"]*/.exec(text)?.[0])).toEqual([
        undefined,
        "ACCESS_REFUSED - access to queue 'no' in vhost '/' refused for user 'u'",
        "ACCESS_REFUSED - access to topic 'no' in exchange 'amq.topic' in vhost '/' refused for user 'u'",
      ]);
    });
  });
}

it('every difference has its reason', () => {
  expect(Object.values(DIFFERENCES).every((reason) => reason.length > 20)).toBe(true);
});

function published(channel: Channel, exchange: string, key: string): Promise<void> {
  return new Promise((done, fail) => {
    (channel as amqplib.ConfirmChannel).publish(exchange, key, Buffer.from('x'), {}, (error) =>
      error ? fail(error) : done(),
    );
  });
}

function lineOf({ path, fields }: Question): string {
  const { resource, name, permission, routing_key: key, vhost } = fields;
  if (path === 'user' || path === 'vhost') return `${path} ${vhost ?? ''}`;
  return [path === 'topic' ? 'topic' : resource, permission, name, key].filter((part) => part !== undefined).join(' ');
}
