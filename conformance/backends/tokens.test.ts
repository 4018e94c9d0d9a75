/** Tokens on this broker and on RabbitMQ: what their scopes permit, which are let in, and how they end. */
import amqplib, { type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuer } from '../../test/auth/backends/harness.ts';
import { temporaryDirectory } from '../../test/support/directory.ts';
import { until } from '../../test/support/until.ts';
import { type BackendBroker, tokensHere, tokensThere, WITHOUT_RABBITMQ } from './brokers.ts';
import { DIFFERENCES, type DifferenceId } from './differences.ts';

type Row = readonly [what: string, there: string, here?: string, because?: DifferenceId];

const issuing = issuer();
const nowS = (): number => Math.floor(Date.now() / 1_000);

/** Scopes, then what is asked, and the answer. */
const SCOPES: readonly (readonly [scopes: string, rows: readonly Row[]])[] = [
  [
    'rabbitmq.configure:*/* rabbitmq.write:*/* rabbitmq.read:*/*',
    [
      ['declare q', 'yes'],
      ['publish amq.direct k', 'yes'],
      ['publish amq.topic k', 'no'],
      ['publish amq.default q', 'yes'],
      ['consume q', 'yes'],
      ['bind q amq.topic a.*', 'no'],
      ['bind q amq.direct a', 'yes'],
    ],
  ],
  [
    'rabbitmq.configure:*/* rabbitmq.write:*/*/a.* rabbitmq.read:*/*/a.*',
    [
      ['declare q', 'yes'],
      ['publish amq.topic a.b', 'yes'],
      ['publish amq.topic a.b.c', 'yes'],
      ['publish amq.topic b', 'no'],
      ['bind q amq.topic a.x', 'yes'],
      ['bind q amq.topic #', 'no'],
    ],
  ],
  [
    'rabbitmq.configure:%2F/q* rabbitmq.read:%2f/q1 rabbitmq.write:%2F/amq.default',
    [
      ['declare q1', 'yes'],
      ['declare x1', 'no'],
      ['consume q1', 'yes'],
      ['declare q2', 'yes'],
      ['consume q2', 'no'],
      ['publish amq.default q1', 'yes'],
      ['publish amq.direct q1', 'no'],
    ],
  ],
  ['rabbitmq.configure:other/* rabbitmq.tag:administrator', [['declare q', 'no vhost']]],
  ['configure:*/* other.configure:*/*', [['declare q', 'no vhost']]],
  ['rabbitmq.read:*/q rabbitmq.nothing:*/* rabbitmq.read:* rabbitmq.configure:*/*/*/*', [['declare q', 'no']]],
];

/** Claims beside those of a good token, and what becomes of its login. */
const LOGINS: readonly (readonly [claims: () => Record<string, unknown>, ...row: Row])[] = [
  [() => ({}), 'good', 'in'],
  [() => ({ aud: ['x', 'rabbitmq'] }), 'one of several audiences', 'in'],
  [() => ({ aud: 'x' }), 'another audience', 'out'],
  [() => ({ aud: undefined }), 'no audience', 'out'],
  [() => ({ exp: nowS() - 30 }), 'expired', 'out'],
  [() => ({ exp: undefined }), 'never expires', 'in', 'out', 'expiry'],
  [() => ({ iss: 'https://x/' }), 'another issuer', 'in', 'out', 'issuer'],
  [() => ({ scope: ['rabbitmq.read:*/*'] }), 'scopes in a list', 'in'],
  [() => ({ scope: undefined, extra_scope: 'rabbitmq.read:*/*' }), 'scopes elsewhere', 'in'],
  [() => ({ scope: undefined }), 'no scopes', 'out'],
];

const BROKERS = [
  { kind: 'this broker', there: false, start: tokensHere, skipped: false },
  { kind: 'RabbitMQ', there: true, start: tokensThere, skipped: WITHOUT_RABBITMQ },
];

for (const { kind, there, start, skipped } of BROKERS) {
  describe.skipIf(skipped)(`tokens on ${kind}`, () => {
    const directory = temporaryDirectory();
    let broker: BackendBroker;

    beforeAll(async () => {
      broker = await start(issuing, directory.path);
    }, 120_000);
    afterAll(async () => {
      await broker?.stop();
      directory.remove();
    }, 60_000);

    const connect = async (claims: Record<string, unknown>): Promise<ChannelModel> => {
      const password = await issuing.token({ exp: nowS() + 300, scope: 'rabbitmq.read:*/*', ...claims });
      const credentials = amqplib.credentials.plain('any', password);
      const connection = await amqplib.connect({ hostname: '127.0.0.1', port: broker.amqpPort }, { credentials });
      connection.on('error', () => {});
      return connection;
    };

    it.each(SCOPES)('%s', async (scope, rows) => {
      const answers: [string, string][] = [];
      for (const [line] of rows) answers.push([line, await ask(() => connect({ scope }), line)]);
      expect(answers).toEqual(rows.map(([line, answer]) => [line, answer]));
    });

    const logins = LOGINS.map(([claims, what, said, ours = said]) => ({ claims, what, wanted: there ? said : ours }));
    it.each(logins)('a login: $what', async ({ claims, wanted }) => {
      const said = await connect(claims()).then(
        async (connection) => {
          await connection.close();
          return 'in';
        },
        () => 'out',
      );
      expect(said).toBe(wanted);
    });

    it('that expire: nothing more is permitted', async () => {
      const connection = await connect({ exp: nowS() + 2, scope: 'rabbitmq.configure:*/*' });
      let closed = '';
      connection.on('error', (error: Error) => {
        closed = error.message;
      });
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      let refused = '';
      // A channel there remembers what it was permitted: each has a name of its own.
      for (let i = 0; refused === ''; i++) {
        await channel.assertExchange(`x${i}`, 'direct').catch((error: Error) => {
          refused = error.message;
        });
      }
      // DIFFERENCES['expired-connection']
      if (there) expect([refused, closed]).toEqual([expect.stringContaining('ACCESS_REFUSED'), '']);
      else await until(() => closed.includes('NOT_ALLOWED'));
      if (there) await connection.close();
    }, 30_000);

    it('may be renewed, and one that is not good ends the connection', async () => {
      const connection = await connect({});
      const ended = new Promise<string>((done) => connection.on('error', (error: Error) => done(error.message)));
      const next = async (claims: object): Promise<Buffer> =>
        Buffer.from(await issuing.token({ exp: nowS() + 600, scope: 'rabbitmq.read:*/*', ...claims }));
      await connection.updateSecret(await next({}), 'r');
      // DIFFERENCES['expired-secret']
      if (there) await connection.updateSecret(await next({ exp: nowS() - 600 }), 'r');
      connection.updateSecret(await next({ aud: 'other' }), 'r').catch(() => {});
      expect(await ended).toContain('NOT_ALLOWED - New secret was refused by one of the backends');
    }, 30_000);
  });
}

it('every difference has its reason', () => {
  for (const [, , , , because] of LOGINS) if (because !== undefined) expect(DIFFERENCES[because]).toBeTruthy();
});

/** Does what a line says on a connection of its own: `yes`, `no`, or `no vhost`. */
async function ask(connect: () => Promise<ChannelModel>, line: string): Promise<string> {
  const [verb, name = '', ...more] = line.split(' ');
  let connection: ChannelModel;
  try {
    connection = await connect();
  } catch (error) {
    // What this client makes of connection.close in the place of open-ok.
    return String(error).includes('ConnectionClose') ? 'no vhost' : String(error);
  }
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    if (verb === 'declare') await channel.assertQueue(name);
    else if (verb === 'consume') await channel.consume(name, () => {});
    else if (verb === 'bind') await channel.bindQueue(name, more[0]!, more[1]!);
    else {
      await new Promise<void>((done, fail) => {
        channel.on('error', fail);
        channel.publish(name === 'amq.default' ? '' : name, more[0]!, Buffer.from('x'), {}, (error) =>
          error ? fail(error) : done(),
        );
      });
    }
    return 'yes';
  } catch (error) {
    return /403|ACCESS/.test(String(error)) ? 'no' : String(error);
  } finally {
    await connection.close().catch(() => {});
  }
}
