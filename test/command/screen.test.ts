import { expect, it } from 'vitest';
import { widthOf } from '../../src/command/print/text.ts';
import { screen } from '../../src/command/screen.ts';
import { DEFAULT_LISTEN, parseListen } from '../../src/config/listen.ts';
import { loadConfig } from '../../src/config/load.ts';

it('has room on a terminal of 80 columns, with a port that several protocols share', () => {
  const { config } = loadConfig({}, {});
  const addresses = ['127.0.0.1', '::1'].map((address) => ({ address, port: 7000 }));
  const shared = { name: 'amqp+mqtt+stomp', host: 'localhost', port: 7000, addresses };
  const shown = screen([shared], '/var/lib/entrepot', config, 0);
  expect(shown).toContain(
    '\n  AMQP, MQTT, STOMP   amqp+mqtt+stomp://localhost:7000\n            (127.0.0.1:7000, [::1]:7000)\n',
  );
  expect(shown).toMatch(/^ {2}Data {6}\/var/m);
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
});

it('has room on a terminal of 80 columns, with the usual ports and both families', () => {
  const { config } = loadConfig({}, {});
  const listeners = [...DEFAULT_LISTEN, 'redis://localhost'].map((text) => {
    const { protocols, host, port } = parseListen(text);
    const addresses = ['127.0.0.1', '::1'].map((address) => ({ address, port }));
    return { name: protocols.join('+'), host, port, addresses };
  });
  const shown = screen(listeners, '/var/lib/entrepot', config, 0);
  expect(shown).toMatch(/^ {2}Access +from this machine: user guest, password guest$/m);
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
});

it.each([
  ['http://localhost', 'http://localhost:15672/'],
  ['http://0.0.0.0', 'http://localhost:15672/'],
  ['http://[::]:8080', 'http://localhost:8080/'],
  ['http://[fd00:1:2:3:4:5:6:7]', 'http://[fd00:1:2:3:4:5:6:7]:15672/'],
])('says where a browser finds the console of %s', (text, url) => {
  const { config } = loadConfig({}, {});
  const { protocols, host, port } = parseListen(text);
  const listeners = [{ name: protocols.join('+'), host, port, addresses: [{ address: host, port }] }];
  const shown = screen(listeners, '/var/lib/entrepot', config, 1);
  expect(shown).toContain(`\n  Console   ${url} in a browser\n`);
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
  expect(screen(listeners, '/var/lib/entrepot', config, 1, false)).not.toContain('Console');
});

it('has room on a terminal of 80 columns, whatever it says of durabilities and profiles', () => {
  const { config } = loadConfig({}, {});
  const durability = { level: 'interval', interval: 100 } as const;
  const settings = { ...config, profile: 'hardened', durability, vhosts: { '/': {}, plant: { durability } } } as const;
  const shown = screen([], '/var/lib/entrepot', settings as never, 1);
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
  expect(shown.replace(/\n +/g, ' ')).toContain(
    'vhost plant: confirms follow the write; synced every 100 ms: a power failure may take that much',
  );
});

it.each([
  [0, 'MQTT, STOMP'],
  [1, 'one user; nobody without a name'],
  [3, '3 users; nobody without a name'],
])('says of %d users who comes in without a name', (users, expected) => {
  const { config } = loadConfig({}, {});
  const text = screen([], '/data', config, users).replace(/\n +/g, '; ');
  expect(text).toContain(expected);
  expect(text.includes('also without a name')).toBe(users === 0);
});

it('shows a line to try that says who one is where nobody comes in without a name, on one line', () => {
  const { config } = loadConfig({}, {});
  const listeners = [{ name: 'mqtt', host: 'localhost', port: 61613, addresses: [] }];
  const shown = screen(listeners, '/var/lib/entrepot', config, 1);
  expect(shown).toContain("mosquitto_sub -p 61613 -u NAME -P … -t 'hello/#' -v\n");
  expect(shown).toContain('mosquitto_pub -p 61613 -u NAME -P … -t hello/world -m hi\n');
  for (const line of shown.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(80);
  expect(screen(listeners, '/var/lib/entrepot', config, 0)).not.toContain('-u NAME');
});
