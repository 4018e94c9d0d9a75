/**
 * «From this machine only»: the user guest, and clients without a name, at every door. A client on another machine is played by
 * one on this machine whose socket says that it comes from elsewhere.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as mqttPacket from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { amqp } from '../../protocols/amqp/index.ts';
import { mqtt } from '../../protocols/mqtt/index.ts';
import { stomp } from '../../protocols/stomp/index.ts';
import { WebSocketUpgrades } from '../../protocols/websocket/index.ts';
import type { AuthStep, Identity, Protocol, Refusal } from '../../src/api/index.ts';
import { LoopbackOnly } from '../../src/auth/loopback-only.ts';
import { Broker } from '../../src/broker/broker.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { Connections } from '../../src/transport/connections.ts';
import { Listener } from '../../src/transport/listener.ts';
import { TcpTransport, tcpServer } from '../../src/transport/tcp.ts';
import { GREETING, OPEN, START_OK, TUNE_OK } from '../protocols/amqp/wire.ts';
import { ScramClient } from './scram-client.ts';

const ELSEWHERE = '192.0.2.7';

describe('the authenticator', () => {
  const it2 = new LoopbackOnly();
  const credentials = (loopback: boolean, user?: string, password?: string) => ({
    client: 'test',
    loopback,
    user,
    password: password === undefined ? undefined : Buffer.from(password),
  });

  function answer(loopback: boolean, user?: string, password?: string): Identity | Refusal {
    let result: Identity | Refusal | undefined;
    it2.authenticate(credentials(loopback, user, password), (found) => {
      result = found;
    });
    return result!;
  }

  it('lets guest and the nameless in from this machine, and from no other', () => {
    expect(answer(true, 'guest', 'guest')).toEqual({ user: 'guest', tags: ['administrator'] });
    expect(answer(true)).toEqual({ user: 'anonymous' });
    expect(answer(false, 'guest', 'guest')).toMatchObject({ refused: 'forbidden' });
    expect(answer(false)).toMatchObject({ refused: 'forbidden' });
    expect(answer(false, 'guest', 'wrong')).toMatchObject({ refused: 'credentials' });
    expect(answer(true, 'guest', 'wrong')).toMatchObject({ refused: 'credentials' });
  });

  it.each([true, false])('by SCRAM as well: loopback %s', async (loopback) => {
    const exchange = it2.begin('SCRAM-SHA-256', credentials(loopback))!;
    const client = new ScramClient('guest', 'guest');
    const said = (data: Buffer) => new Promise<AuthStep>((resolve) => exchange.step(data, resolve));
    const asked = await said(client.first);
    const step = await said(client.last((asked as { challenge: Buffer }).challenge));
    expect(step).toMatchObject(loopback ? { identity: { user: 'guest' } } : { refused: 'credentials' });
  });
});

describe.each([
  ['this machine', undefined],
  ['another one', ELSEWHERE],
])('a client from %s', (_, from) => {
  const here = from === undefined;
  let broker: Broker;
  let connections: Connections;
  const listeners: Listener[] = [];
  const sockets: Socket[] = [];
  const protocols = { amqp: amqp(), mqtt: mqtt(), stomp: stomp() };

  beforeEach(async () => {
    const dialects = Object.values(protocols).map(({ dialect }) => dialect);
    broker = await Broker.start({ dataDirectory: null, dialects });
    connections = new Connections(broker, NO_LOGGER);
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await connections.close('the test is over', 50);
    for (const listener of listeners.splice(0)) await listener.stop();
    await broker.close();
  });

  /** The socket says where it comes from. */
  const moved = (socket: Socket): Socket =>
    here ? socket : Object.defineProperty(socket, 'remoteAddress', { value: from });

  async function listen(protocol: Protocol): Promise<number> {
    const createServer = () =>
      tcpServer((socket) => {
        connections.admit(new TcpTransport(connections.services, moved(socket)), [protocol]);
      });
    const listener = await Listener.open({ name: 'x', host: '127.0.0.1', port: 0, createServer });
    listeners.push(listener);
    return listener.port;
  }

  /** Sends it, and returns what has come by the time that `enough` says so, or the end has come. */
  async function say(port: number, bytes: Buffer | string, enough: (text: string) => boolean): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(bytes);
    return heard(socket, enough);
  }

  async function heard(socket: Socket, enough: (text: string) => boolean): Promise<string> {
    let text = '';
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (enough(text)) resolve();
      });
      socket.on('close', () => resolve());
    });
    return text;
  }

  it('AMQP, as guest', async () => {
    const OPEN_OK = '\0\x0a\0\x29';
    const text = await say(
      await listen(protocols.amqp),
      Buffer.concat([GREETING, START_OK, TUNE_OK, OPEN]),
      (got) => got.includes(OPEN_OK) || got.includes('ACCESS_REFUSED'),
    );
    expect(text.includes(OPEN_OK)).toBe(here);
    expect(broker.sessionCount).toBe(here ? 1 : 0);
  });

  const mqttConnect = (version: 4 | 5, more: Partial<mqttPacket.IConnectPacket> = {}): Buffer =>
    mqttPacket.generate(
      {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: version,
        clientId: 'c',
        clean: true,
        keepalive: 0,
        ...more,
      },
      { protocolVersion: version },
    );
  const GUEST = { username: 'guest', password: Buffer.from('guest') };

  it.each<[string, 4 | 5, Partial<mqttPacket.IConnectPacket>, number]>([
    ['3.1.1, nameless', 4, {}, 5],
    ['3.1.1, as guest', 4, GUEST, 5],
    ['5.0, nameless', 5, {}, 0x87],
    ['5.0, as guest', 5, GUEST, 0x87],
  ])('MQTT %s', async (_name, version, more, refused) => {
    const text = await say(await listen(protocols.mqtt), mqttConnect(version, more), (got) => got.length >= 4);
    expect(text.charCodeAt(0)).toBe(0x20);
    expect(text.charCodeAt(3)).toBe(here ? 0 : refused);
    expect(broker.sessionCount).toBe(here ? 1 : 0);
  });

  it('MQTT 5.0, by SCRAM', async () => {
    const client = new ScramClient('guest', 'guest');
    const authenticationMethod = 'SCRAM-SHA-256';
    const socket = connect(await listen(protocols.mqtt), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    socket.on('data', (chunk: Buffer) => parser.parse(chunk));
    socket.write(mqttConnect(5, { properties: { authenticationMethod, authenticationData: client.first } }));
    const [asked] = (await once(parser, 'packet')) as [mqttPacket.IAuthPacket];
    const data = client.last(asked.properties!.authenticationData!);
    socket.write(
      mqttPacket.generate(
        { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod, authenticationData: data } },
        { protocolVersion: 5 },
      ),
    );
    const [connack] = (await once(parser, 'packet')) as [mqttPacket.IConnackPacket];
    expect([connack.cmd, connack.reasonCode]).toEqual(['connack', here ? 0 : 0x86]);
    expect(broker.sessionCount).toBe(here ? 1 : 0);
  });

  it.each(['', 'login:guest\npasscode:guest\n'])('STOMP, with %j', async (login) => {
    const text = await say(await listen(protocols.stomp), `CONNECT\naccept-version:1.2\nhost:/\n${login}\n\0`, (got) =>
      got.includes('\0'),
    );
    expect(text).toMatch(here ? /^CONNECTED\n/ : /^ERROR\n/);
    expect(broker.sessionCount).toBe(here ? 1 : 0);
  });

  it.each(['mqtt', 'v12.stomp'])('WebSocket, %s', async (name) => {
    const isMqtt = name === 'mqtt';
    const gate = new WebSocketUpgrades({
      connections,
      subProtocols: [
        { name: 'mqtt', protocol: protocols.mqtt, kind: 'binary' },
        { name: 'v12.stomp', protocol: protocols.stomp, kind: 'text' },
      ],
      paths: new Map([['/ws', [protocols.mqtt, protocols.stomp]]]),
    });
    const createServer = () => gate.createServer().prependListener('connection', moved);
    const listener = await Listener.open({ name: 'ws', host: '127.0.0.1', port: 0, createServer });
    listeners.push(listener);
    const web = new WebSocket(`ws://127.0.0.1:${listener.port}/ws`, [name]);
    web.on('error', () => {});
    await once(web, 'open');
    web.send(isMqtt ? mqttConnect(4) : 'CONNECT\naccept-version:1.2\nhost:/\n\n\0');
    const [data] = (await once(web, 'message')) as [Buffer];
    if (isMqtt) expect([data[0], data[3]]).toEqual([0x20, here ? 0 : 5]);
    else expect(data.toString()).toMatch(here ? /^CONNECTED\n/ : /^ERROR\n/);
    expect(broker.sessionCount).toBe(here ? 1 : 0);
    web.terminate();
  });
});
