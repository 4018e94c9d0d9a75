import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LISTEN,
  formatListen,
  LISTEN_NAMES,
  LISTEN_PROTOCOLS,
  parseListen,
  titlesOf,
} from '../../src/config/listen.ts';

it.each([
  ['amqp://127.0.0.1:5672', ['amqp'], '127.0.0.1', 5672],
  ['AMQP://localhost', ['amqp'], 'localhost', 5672],
  ['mqtt://[::1]', ['mqtt'], '::1', 1883],
  ['stomp://[::]:0', ['stomp'], '::', 0],
  ['ws://0.0.0.0/', ['ws'], '0.0.0.0', 15674],
  ['http://:8080', ['http'], '*', 8080],
  ['http://*:8080', ['http'], '*', 8080],
  ['amqp+mqtt+stomp://h:7000', ['amqp', 'mqtt', 'stomp'], 'h', 7000],
])('%s', (text, protocols, host, port) => {
  expect(parseListen(text)).toEqual({ protocols, host, port });
});

describe('says what is wrong', () => {
  it.each([
    ['amqp:127.0.0.1:5672', 'it should look like amqp://127.0.0.1:5672'],
    ['5672', 'it should look like'],
    ['', 'it should look like'],
    ['amqp://a:b:1', "'b:1' is not a port number"],
    ['amqp://127.0.0.1:5672/vhost', "'5672/vhost' is not a port number|it should look like"],
    ['mqqt://h:1', "there is no protocol 'mqqt'; did you mean mqtt? (there are: amqp, mqtt, stomp, redis, ws, http)"],
    ['://h:1', "there is no protocol ''"],
    ['amqp://h:65536', "'65536' is not a port number (0 to 65535)"],
    ['amqp://h:1e3', 'is not a port number'],
    ['amqp://h:-1', 'is not a port number'],
    ['amqp+mqtt://h', 'it needs a port'],
    ['amqp+amqp://h:1', 'a protocol is named twice'],
    ['amqp+ws://h:1', 'ws cannot share its port'],
  ])('%s', (text, why) => {
    const found = (() => {
      try {
        return parseListen(text);
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(found).toBeTypeOf('string');
    expect(why.split('|').some((part) => (found as string).includes(part))).toBe(true);
    expect(found).not.toContain('\n');
  });
});

it('knows the protocols that an embedder brings', () => {
  expect(parseListen('mine://h:1', ['mine'])).toEqual({ protocols: ['mine'], host: 'h', port: 1 });
});

it('reads back what it writes', () => {
  const host = fc.constantFrom('127.0.0.1', '::1', 'localhost', 'example.org', '*');
  const protocols = fc.subarray(['amqp', 'mqtt', 'stomp'], { minLength: 1 });
  fc.assert(
    fc.property(protocols, host, fc.nat(65_535), (p, h, port) => {
      const address = { protocols: p, host: h, port };
      expect(parseListen(formatListen(address))).toEqual(address);
    }),
  );
});

it('never throws anything but its own error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseListen(text);
      } catch (error) {
        expect((error as Error).message).toContain('cannot listen on');
      }
    }),
  );
});

it('listens by default on this machine alone, on the ports that clients dial', () => {
  const addresses = DEFAULT_LISTEN.map((text) => parseListen(text));
  expect(new Set(addresses.map((a) => a.host))).toEqual(new Set(['localhost']));
  expect(addresses.map((a) => a.port)).toEqual([5672, 1883, 61613, 15674, 15675, 15672]);
  expect(LISTEN_NAMES).toEqual(['amqp', 'mqtt', 'stomp', 'redis', 'ws', 'http']);
});

it('takes a durability of its own, and nothing else after a question mark', () => {
  expect(parseListen('amqp://localhost:5672?durability=none')).toEqual({
    protocols: ['amqp'],
    host: 'localhost',
    port: 5672,
    durability: 'none',
  });
  expect(formatListen(parseListen('mqtt://*?durability=interval'))).toBe('mqtt://*:1883?durability=interval');
  expect(() => parseListen('amqp://localhost?durability=soft')).toThrow('one of fsync, interval, none');
  expect(() => parseListen('amqp://localhost?durabilty=none')).toThrow('did you mean durability?');
  expect(() => parseListen('ws://localhost?durability=none')).toThrow('cannot have a durability of its own');
});

it('has the titles of protocols in a row, for sentences', () => {
  expect(titlesOf((one) => one.nameless === true)).toBe('MQTT, STOMP and Redis');
  expect(titlesOf((_, name) => name !== 'http')).toBe('AMQP, MQTT, STOMP, Redis and WebSocket');
  expect(LISTEN_NAMES.map((name) => LISTEN_PROTOCOLS[name]?.port)).toEqual([5672, 1883, 61613, 6379, 15674, 15672]);
});
describe('an address over TLS', () => {
  it('is written with an s behind each protocol, and has a port of its own', () => {
    expect(parseListen('amqps://*')).toEqual({ protocols: ['amqp'], host: '*', port: 5671, secure: true });
    expect(parseListen('https://[::1]')).toEqual({ protocols: ['http'], host: '::1', port: 15671, secure: true });
    expect(parseListen('amqps+mqtts://localhost:1').protocols).toEqual(['amqp', 'mqtt']);
  });

  it('may differ from the settings, and says so in the same words again', () => {
    const text =
      'mqtts://*:8883?durability=none&certificate=/a/b.pem&key=/a/with%20blank&authority=/c&clientCertificates=demanded';
    const address = parseListen(text);
    expect(address.tls).toEqual({
      certificate: '/a/b.pem',
      key: '/a/with blank',
      authority: '/c',
      clientCertificates: 'demanded',
    });
    expect(address.durability).toBe('none');
    expect(formatListen(address)).toBe(text);
  });

  it.each([
    ['amqps+mqtt://*:1', /TLS for all or for none; write amqps\+mqtts/],
    ['amqp://*?certificate=/a', /certificate is for TLS; write amqps:/],
    ['amqps://*?clientCertificates=maybe', /one of none, asked, demanded, not 'maybe'/],
    ['amqps://*?certifcate=/a', /no setting 'certifcate'; did you mean certificate\?/],
    ['amqps://*?certificate=', /certificate has no value/],
    ['amqps://*?certificate=%zz', /not percent-encoded/],
    ['amqpss://*', /no protocol 'amqpss'/],
    ['wss+amqps://*:1', /wss cannot share its port/],
  ])('%s is refused in words', (text, problem) => {
    expect(() => parseListen(text)).toThrow(problem);
  });
});
