/** mosquitto_pub, mosquitto_sub, mosquitto_rr and paho for Python against this broker, where they are installed. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EntrepotPeer, startEntrepot } from '../../peers/index.ts';
import { has, type Running, run, start } from '../../support/commands.ts';

// Their output must be read line by line, which is what stdbuf is for.
const mosquitto = has('mosquitto_pub') && has('mosquitto_sub') && has('stdbuf');
const rr = mosquitto && has('mosquitto_rr');
/** Debian's Python first: it is the one that has Debian's packages. */
const python = ['/usr/bin/python3', 'python3'].find((one) => has(one, '-c', 'import paho.mqtt.properties'));
if (!mosquitto) console.log('mosquitto_pub and mosquitto_sub are not installed here: skipped');
if (!rr) console.log('mosquitto_rr is not installed here: skipped');
if (python === undefined) console.log('paho for Python is not installed here: skipped');

let broker: EntrepotPeer;
let port: string[];
beforeAll(async () => {
  broker = await startEntrepot();
  port = ['-h', '127.0.0.1', '-p', String(broker.mqttPort), '-u', 'guest', '-P', 'guest'];
});
afterAll(() => broker?.stop());

const VERSIONS = [
  ['3.1', 'mqttv31'],
  ['3.1.1', 'mqttv311'],
  ['5.0', 'mqttv5'],
] as const;

describe.skipIf(!mosquitto).each(VERSIONS)('mosquitto_pub and mosquitto_sub, %s', (_, version) => {
  /** Starts mosquitto_sub with debug output and waits for its SUBACK. */
  async function subscribed(topic: string, ...more: string[]): Promise<Running> {
    const running = start('stdbuf', ['-oL', 'mosquitto_sub', ...port, '-V', version, '-d', '-t', topic, ...more]);
    await running.printed(/received SUBACK|Subscribed \(mid/);
    return running;
  }
  const publish = async (topic: string, message: string, ...more: string[]): Promise<void> => {
    const { code, error } = await run('mosquitto_pub', [...port, '-V', version, '-t', topic, '-m', message, ...more]);
    expect(error).toBe('');
    expect(code).toBe(0);
  };

  it.each([0, 1, 2])('QoS %i', async (qos) => {
    const topic = `commands/${version}/qos${qos}`;
    const subscriber = await subscribed(topic, '-q', String(qos), '-C', '3', '-F', '%t %q %r %p');
    for (const n of [1, 2, 3]) await publish(topic, `message ${n}`, '-q', String(qos));
    const { code, out } = await subscriber.ended;
    expect(code).toBe(0);
    const lines = out.split('\n').filter((line) => line.startsWith(topic));
    expect(lines).toEqual([1, 2, 3].map((n) => `${topic} ${qos} 0 message ${n}`));
  });

  it('retained, and taken back', async () => {
    const topic = `commands/${version}/retained`;
    await publish(topic, 'kept', '-q', '1', '-r');
    const found = await run('mosquitto_sub', [...port, '-V', version, '-t', topic, '-C', '1', '-F', '%r %p']);
    expect(found.out.trim()).toBe('1 kept');
    expect((await run('mosquitto_pub', [...port, '-V', version, '-t', topic, '-r', '-n'])).code).toBe(0);
    const gone = await run('mosquitto_sub', [...port, '-V', version, '-t', topic, '-C', '1', '-W', '1']);
    expect(gone.out).toBe('');
  });

  it('the will of a subscriber that is killed', async () => {
    const topic = `commands/${version}/will`;
    const watcher = await subscribed(topic, '-C', '1', '-F', '%p');
    const mortal = await subscribed(`${topic}/other`, '--will-topic', topic, '--will-payload', 'gone');
    mortal.kill();
    expect((await watcher.ended).out).toContain('gone');
    await mortal.ended;
  });

  it('a session that waits while its subscriber is away', async () => {
    const topic = `commands/${version}/session`;
    const kept = ['-i', `keeper-${version}`, '-c', '-q', '2', ...(version === 'mqttv5' ? ['-x', '300'] : [])];
    expect((await run('mosquitto_sub', [...port, '-V', version, '-t', topic, ...kept, '-E'])).code).toBe(0);
    for (const n of [1, 2, 3]) await publish(topic, `while away ${n}`, '-q', '2');
    const back = await run('mosquitto_sub', [...port, '-V', version, '-t', topic, ...kept, '-C', '3']);
    expect(back.out.trim().split('\n')).toEqual([1, 2, 3].map((n) => `while away ${n}`));
  });

  it('says no to a wrong password', async () => {
    const wrong = port.map((word, i) => (i === port.length - 1 ? 'wrong' : word));
    const { code, error } = await run('mosquitto_pub', [...wrong, '-V', version, '-t', 'x', '-m', 'x']);
    expect(code).not.toBe(0);
    expect(error).toMatch(/Connection Refused|not authorised|Bad user name or password/i);
  });
});

describe.skipIf(!rr)('mosquitto_rr', () => {
  it('gets its answer', async () => {
    const [requests, answers] = ['commands/rr/requests', 'commands/rr/answers'];
    const server = start('stdbuf', [
      '-oL',
      'mosquitto_sub',
      ...port,
      '-V',
      'mqttv5',
      '-d',
      '-t',
      requests,
      '-C',
      '1',
      '-F',
      '%R|%D|%p',
    ]);
    await server.printed(/received SUBACK|Subscribed \(mid/);
    const args = [
      ...port,
      '-V',
      'mqttv5',
      '-t',
      requests,
      '-e',
      answers,
      '-m',
      'sum 1 2',
      '-D',
      'publish',
      'correlation-data',
      '17',
    ];
    const asking = start('mosquitto_rr', args);
    const request = (await server.ended).out.split('\n').find((line) => line.includes('sum 1 2'));
    expect(request).toBe(`${answers}|17|sum 1 2`);
    const answer = [...port, '-V', 'mqttv5', '-t', answers, '-m', '3', '-D', 'publish', 'correlation-data', '17'];
    expect((await run('mosquitto_pub', answer)).code).toBe(0);
    const { code, out } = await asking.ended;
    expect(out.trim()).toBe('3');
    expect(code).toBe(0);
  });
});

describe.skipIf(!mosquitto)('mosquitto_pub with properties', () => {
  it('reaches mosquitto_sub with all of them', async () => {
    const topic = 'commands/properties';
    const format = '%C|%F|%P|%R|%p';
    const subscriber = start('stdbuf', [
      '-oL',
      'mosquitto_sub',
      ...port,
      '-V',
      'mqttv5',
      '-d',
      '-t',
      topic,
      '-C',
      '1',
      '-F',
      format,
    ]);
    await subscriber.printed(/received SUBACK|Subscribed \(mid/);
    const properties = [
      ['content-type', 'text/plain'],
      ['payload-format-indicator', '1'],
      ['response-topic', 'answers/here'],
    ].flatMap(([name, value]) => ['-D', 'publish', name!, value!]);
    const user = [
      '-D',
      'publish',
      'user-property',
      'colour',
      'blue',
      '-D',
      'publish',
      'user-property',
      'size',
      'large',
    ];
    const sent = [...port, '-V', 'mqttv5', '-t', topic, '-m', 'body', ...properties, ...user];
    expect((await run('mosquitto_pub', sent)).code).toBe(0);
    const line = (await subscriber.ended).out.split('\n').find((one) => one.endsWith('|body'));
    expect(line).toBe('text/plain|1|colour:blue size:large|answers/here|body');
  });
});

describe.skipIf(python === undefined)('paho for Python', () => {
  it('does what its users do', { timeout: 60_000 }, async () => {
    const { pathname } = new URL(broker.wsMqttUrl);
    const script = fileURLToPath(new URL('./mqtt-users.py', import.meta.url));
    const args = [script, String(broker.mqttPort), String(broker.wsPort), pathname];
    const { code, out, error } = await run(python!, args, 50_000);
    expect(error).toBe('');
    expect(code, out).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(12);
  });
});
