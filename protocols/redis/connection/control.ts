/** Commands about the connection itself: who the client is, which version of RESP it speaks, what it wants to know of the server. */
import { type Refusal, VERSION } from '../../../src/api/index.ts';
import type { Command } from '../codec/command-parser.ts';
import type { ReplyWriter, RespVersion } from '../codec/reply.ts';
import { splitUserName } from '../mapping/names.ts';
import { CommandError, unknownSubcommand, wrongArity } from './error-replies.ts';

/** The Redis whose commands these are, for clients that go by it. */
const REDIS_VERSION = '7.0.15';
const USER_BY_DEFAULT = 'default';

/** As much of a connection as these handlers use. */
export interface Control {
  readonly id: number;
  readonly reply: ReplyWriter;
  /** The client has been let in. */
  readonly letIn: boolean;
  /** It has subscriptions. */
  readonly subscribed: boolean;
  readonly connectionsAccepted: number;
  /** All commands there are. */
  readonly commands: readonly { readonly name: string; readonly arity: number }[];
  /** What the client calls itself; '' as long as it has not said. */
  clientName: string;
  /**
   * Lets the client in, as somebody else if it was in before; `done`, at once or later, writes the reply.
   * @param user undefined: without a name
   */
  authenticate(
    vhost: string | undefined,
    user: string | undefined,
    password: Buffer | undefined,
    done: (refusal: Refusal | undefined) => void,
  ): void;
  /**
   * The client, which came in with what holds for a while, proves anew who it is; what it has subscribed to stays. Undefined: it came in
   * with what holds for ever. `done` as with `authenticate`.
   */
  readonly renew: ((secret: Buffer, done: (refusal: Refusal | undefined) => void) => void) | undefined;
  /** What was subscribed to and who the client was is forgotten. */
  reset(): void;
  /** The client leaves in order. */
  leave(): void;
}

export function auth(connection: Control, command: Command): void {
  if (command.count > 3) throw new CommandError('ERR syntax error');
  const password = command.bytes(command.count - 1);
  logIn(connection, command.count === 2 ? USER_BY_DEFAULT : command.text(1), password, () =>
    connection.reply.simple('OK'),
  );
}

/** HELLO [version [AUTH user password] [SETNAME name]] */
export function hello(connection: Control, command: Command): void {
  const { reply } = connection;
  let version: RespVersion = reply.version;
  if (command.count > 1) {
    const asked = command.word(1);
    if (!/^-?\d{1,18}$/.test(asked)) throw new CommandError('ERR Protocol version is not an integer or out of range');
    if (asked !== '2' && asked !== '3') throw new CommandError('NOPROTO unsupported protocol version');
    version = asked === '2' ? 2 : 3;
  }
  let name: string | undefined;
  let login: [user: string, password: Buffer] | undefined;
  for (let i = 2; i < command.count; ) {
    if (command.word(i) === 'auth' && i + 2 < command.count) {
      login = [command.text(i + 1), command.bytes(i + 2)];
      i += 3;
    } else if (command.word(i) === 'setname' && i + 1 < command.count) {
      name = checkedName(command.text(i + 1));
      i += 2;
    } else throw new CommandError(`ERR Syntax error in HELLO option '${command.text(i)}'`);
  }
  const greet = (): void => {
    reply.version = version;
    if (name !== undefined) connection.clientName = name;
    reply.map(7);
    for (const [key, value] of [
      ['server', 'redis'],
      ['version', REDIS_VERSION],
    ] as const) {
      reply.text(key);
      reply.text(value);
    }
    reply.text('proto');
    reply.integer(version);
    reply.text('id');
    reply.integer(connection.id);
    for (const [key, value] of [
      ['mode', 'standalone'],
      ['role', 'master'],
    ] as const) {
      reply.text(key);
      reply.text(value);
    }
    reply.text('modules');
    reply.array(0);
  };
  if (login !== undefined) logIn(connection, login[0], login[1], greet);
  else if (connection.letIn) greet();
  else {
    connection.authenticate(undefined, undefined, undefined, (refusal) => {
      if (refusal !== undefined) {
        throw new CommandError(
          'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
        );
      }
      greet();
    });
  }
}

function logIn(connection: Control, userName: string, password: Buffer, done: () => void): void {
  const answer = (refusal: Refusal | undefined): void => {
    if (refusal === undefined) done();
    else if (refusal.refused !== 'credentials' && refusal.refused !== 'forbidden') {
      throw new CommandError(`ERR ${refusal.reason}`);
    } else if (refusal.refused === 'forbidden') {
      throw new CommandError('NOPERM this user may not come in from here, or not into this vhost');
    } else throw new CommandError('WRONGPASS invalid username-password pair or user is disabled.');
  };
  if (!connection.subscribed) {
    const { vhost, user } = splitUserName(userName);
    connection.authenticate(vhost, user, password, answer);
  } else if (connection.renew !== undefined) connection.renew(password, answer);
  else throw new CommandError('ERR who a client is stays as it is while it is subscribed: RESET first');
}

export function reset(connection: Control): void {
  connection.reset();
  connection.reply.version = 2;
  connection.clientName = '';
  connection.reply.simple('RESET');
}

export function quit(connection: Control): void {
  connection.reply.simple('OK');
  connection.leave();
}

/** In RESP2 a client that is subscribed can tell its answer from a message only by its form. */
export function ping(connection: Control, command: Command): void {
  const { reply } = connection;
  if (command.count > 2) throw wrongArity('ping');
  if (connection.subscribed && reply.version === 2) {
    reply.array(2);
    reply.text('pong');
    reply.bulk(command.count === 2 ? command.bytes(1) : Buffer.alloc(0));
  } else if (command.count === 2) reply.bulk(command.buffer, command.start(1), command.end(1));
  else reply.simple('PONG');
}

/** What redis-cli tells the end of a bulk transfer by. */
export function echo(connection: Control, command: Command): void {
  connection.reply.bulk(command.buffer, command.start(1), command.end(1));
}

/** There is one database, number 0. */
export function select(connection: Control, command: Command): void {
  const number = command.word(1);
  if (!/^-?\d{1,18}$/.test(number)) throw new CommandError('ERR value is not an integer or out of range');
  if (number !== '0') throw new CommandError('ERR DB index is out of range');
  connection.reply.simple('OK');
}

export function client(connection: Control, command: Command): void {
  const { reply } = connection;
  const sub = command.word(1);
  if (sub === 'id' && command.count === 2) reply.integer(connection.id);
  else if (sub === 'getname' && command.count === 2) {
    if (connection.clientName === '') reply.nil();
    else reply.text(connection.clientName);
  } else if (sub === 'setname' && command.count === 3) {
    connection.clientName = checkedName(command.text(2));
    reply.simple('OK');
  } else if (sub === 'setinfo' && command.count === 4) {
    const attribute = command.word(2);
    if (attribute !== 'lib-name' && attribute !== 'lib-ver') {
      throw new CommandError(`ERR Unrecognized option '${command.text(2)}'`);
    }
    checkedName(command.text(3));
    reply.simple('OK');
  } else throw unknownSubcommand('CLIENT', command.text(1));
}

function checkedName(name: string): string {
  if (/^[!-~]{0,512}$/.test(name)) return name;
  throw new CommandError('ERR Client names cannot contain spaces, newlines or special characters.');
}

export function info(connection: Control): void {
  const lines = [
    '# Server',
    `redis_version:${REDIS_VERSION}`,
    `entrepot_version:${VERSION}`,
    'redis_mode:standalone',
    '',
    '# Stats',
    `total_connections_received:${connection.connectionsAccepted}`,
    '',
    '# Persistence',
    'loading:0',
    '',
    '# Replication',
    'role:master',
    'connected_slaves:0',
    '',
  ];
  connection.reply.text(lines.join('\r\n'));
}

/** COMMAND, and of its parts those that clients ask for to complete what is typed, or to find keys. */
export function describeCommands(connection: Control, command: Command): void {
  const { reply, commands } = connection;
  const sub = command.count === 1 ? 'info' : command.word(1);
  if (sub === 'count') reply.integer(commands.length);
  else if (sub === 'docs') reply.map(0);
  else if (sub === 'list' || sub === 'info') {
    reply.array(commands.length);
    for (const { name, arity } of commands) {
      if (sub === 'list') {
        reply.text(name);
        continue;
      }
      reply.array(6);
      reply.text(name);
      reply.integer(arity);
      reply.array(0);
      for (let i = 0; i < 3; i++) reply.integer(0);
    }
  } else throw unknownSubcommand('COMMAND', command.text(1));
}
