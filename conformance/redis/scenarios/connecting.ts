/** How a connection begins and ends, and what it is told of itself. */
import { expect } from 'vitest';
import { ErrorReply } from '../../../test/protocols/redis/raw-client.ts';
import { byHand, scenario, topic } from '../scenario.ts';

const error = (text: string): ErrorReply => new ErrorReply(text);

export const connecting = topic('connecting', [
  scenario('a client that has just come can ask for anything', async (t) => {
    const client = await t.client();
    expect(await client.call('PING')).toBe('PONG');
    expect(await client.call('CLIENT', 'SETNAME', t.name('me'))).toBe('OK');
    expect(await client.call('CLIENT', 'GETNAME')).toBe(t.name('me'));
    expect(await client.call('CLIENT', 'ID')).toBeGreaterThan(0);
    expect(await client.call('SELECT', '0')).toBe('OK');
    const info = (await client.call('INFO')) as string;
    for (const line of [/^redis_version:7/m, /^loading:0/m, /^role:master/m]) expect(info).toMatch(line);
    expect(await client.call('COMMAND', 'COUNT')).toBeGreaterThan(20);
  }),
  scenario('what is no command is refused', async (t) => {
    const client = await t.client();
    await t.refused(
      client.call('NONSENSE', 'a', 'b'),
      /^ERR unknown command 'NONSENSE', with args beginning with: 'a' 'b'/,
    );
    await t.refused(client.call('LPUSH', 'x'), /^ERR wrong number of arguments for 'lpush' command$/);
    await t.refused(client.call('LLEN', 'x', 'y'), /^ERR wrong number of arguments for 'llen' command$/);
    await t.refused(client.call('CLIENT', 'NONSENSE'), /^ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP\.$/);
    await t.refused(client.call('CLIENT', 'SETNAME', 'a b'), /^ERR Client names cannot contain spaces/);
    await t.refused(client.call('SELECT', '16'), /^ERR DB index is out of range$/);
    await t.refused(client.call('SELECT', 'x'), /^ERR value is not an integer or out of range$/);
    if (t.differs('commands-beyond')) expect(await client.call('GET', t.name('x'))).toBe(null);
    else await t.refused(client.call('GET', 'x'), /^ERR unknown command 'GET'/);
  }),
  byHand('HELLO says who the server is, in the version that was asked for', async (t) => {
    const raw = await t.raw();
    const hello = (await raw.call('HELLO', '3')) as Map<string, unknown>;
    expect([...hello.keys()]).toEqual(['server', 'version', 'proto', 'id', 'mode', 'role', 'modules']);
    expect(hello.get('proto')).toBe(3);
    expect(hello.get('server')).toBe('redis');
    expect(await raw.call('HELLO', '2', 'SETNAME', 'me')).toHaveLength(14);
    expect(await raw.call('CLIENT', 'GETNAME')).toBe('me');
    expect(await raw.call('HELLO', '3', 'AUTH', 'guest', 'guest', 'SETNAME', 'you')).toBeInstanceOf(Map);
    expect(await raw.call('RPOP', t.name('none'))).toBe(null);
    expect(await raw.call('HELLO')).toBeInstanceOf(Map);
    expect(await raw.call('HELLO', '4')).toEqual(error('NOPROTO unsupported protocol version'));
    expect(await raw.call('HELLO', 'x')).toEqual(error('ERR Protocol version is not an integer or out of range'));
    expect(await raw.call('HELLO', '3', 'NONSENSE')).toEqual(error("ERR Syntax error in HELLO option 'NONSENSE'"));
    expect(await raw.call('RESET')).toBe('RESET');
    expect(await raw.call('HELLO')).toHaveLength(14);
    expect(await raw.call('CLIENT', 'GETNAME')).toBe(null);
  }),
  byHand('AUTH lets a user in, and nobody with another password', async (t) => {
    const raw = await t.raw();
    const wrong = error('WRONGPASS invalid username-password pair or user is disabled.');
    expect(await raw.call('AUTH', 'guest', 'guest')).toBe('OK');
    expect(await raw.call('AUTH', 'guest', 'wrong')).toEqual(wrong);
    expect(await raw.call('AUTH', 'nobody', 'guest')).toEqual(wrong);
    expect(await raw.call('HELLO', '3', 'AUTH', 'guest', 'wrong')).toEqual(wrong);
    expect(await raw.call('AUTH', 'a', 'b', 'c')).toEqual(error('ERR syntax error'));
    expect(await raw.call('LPUSH', t.name('q'), 'x')).toBe(1);
  }),
  byHand('commands may be typed', async (t) => {
    const raw = await t.raw();
    raw.write(`\r\nping\nLPUSH ${t.name('q')} "a \\"b\\" \\x41" 'c d' e\r\n`);
    expect(await raw.next()).toBe('PONG');
    expect(await raw.next()).toBe(3);
    for (const value of ['a "b" A', 'c d', 'e']) expect(await raw.call('RPOP', t.name('q'))).toBe(value);
  }),
  byHand('QUIT is answered, and is the end', async (t) => {
    const raw = await t.raw();
    expect(await raw.call('QUIT')).toBe('OK');
    await raw.closed();
  }),
  ...(
    [
      ['*1\r\n+PING\r\n', "ERR Protocol error: expected '$', got '+'"],
      ['*x\r\n', 'ERR Protocol error: invalid multibulk length'],
      ['*1\r\n$-5\r\n', 'ERR Protocol error: invalid bulk length'],
      ['*1\r\n$x\r\n', 'ERR Protocol error: invalid bulk length'],
      ['LPUSH "a\r\n', 'ERR Protocol error: unbalanced quotes in request'],
    ] as const
  ).map(([bytes, text]) =>
    byHand(`${JSON.stringify(bytes)} is the end: ${text}`, async (t) => {
      const raw = await t.raw();
      raw.write(`PING\r\n${bytes}`);
      expect(await raw.next()).toBe('PONG');
      expect(await raw.next()).toEqual(error(text));
      await raw.closed();
    }),
  ),
  byHand('a web page that posts to it is hung up on', async (t) => {
    const raw = await t.raw();
    raw.write('POST / HTTP/1.1\r\nHost: localhost:6379\r\nContent-Type: text/plain\r\n\r\nLPUSH q evil\r\n');
    await raw.closed();
    expect(raw.unread).toEqual([]);
  }),
]);
