/** Everything that README and the pages of `docs/` show to be typed or run is run, as it stands there but for ports and folders. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../conformance/support/commands.ts';
import { until } from '../conformance/support/inbox.ts';
import { freePorts } from '../conformance/support/processes.ts';
import { createBroker } from '../src/index.ts';
import { startTestBroker, type TestBroker } from './support/broker.ts';
import { Command } from './support/command.ts';

const PAGES = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));
const TEXTS = new Map(['README.md', ...PAGES].map((path) => [path, readFileSync(path, 'utf8')]));
/** All pages in a row. */
const TEXT = [...TEXTS.values()].join('\n');

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: Block[] = [...TEXT.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
  language: match[1]!,
  text: match[2]!,
}));
const lines = blocks.filter(({ language }) => language === '').flatMap(({ text }) => text.trimEnd().split('\n'));
const inProse = [...TEXT.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

function block(language: string, part: string): string {
  const found = blocks.find((one) => one.language === language && one.text.includes(part));
  if (found === undefined) throw new Error(`no page shows ${language} with ${part}`);
  return found.text;
}

let broker: TestBroker;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'entrepot-readme-'));
  broker = await startTestBroker();
});
afterAll(async () => {
  await broker.close();
  rmSync(folder, { recursive: true });
});

/** Runs a module as a program that goes on by itself; `printed` waits for what it says. */
function program(source: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, error] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    printed: (text: string) =>
      until(
        () => out.includes(text),
        () => `${text} in ${out}${error}`,
      ),
    ended,
    kill: () => child.kill('SIGKILL'),
    said: () => out,
  };
}

describe('the first messages', () => {
  it('the worker in AMQP prints what a device publishes in MQTT, by the command that is shown', async () => {
    const worker = program(
      block('js', "from 'amqplib'").replace('amqp://localhost', `amqp://127.0.0.1:${broker.ports.amqp}`),
    );
    const admin = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
    const consumers = async (): Promise<number> => {
      const channel = await admin.createChannel();
      channel.on('error', () => {});
      return channel.checkQueue('readings').then(
        ({ consumerCount }) => consumerCount,
        () => 0,
      );
    };
    await until(async () => (await consumers()) === 1, 'the worker consumes');
    const shown = lines.find((line) => line.startsWith('mosquitto_pub'))!;
    const [, qos, topic, message] = /^mosquitto_pub -q (\d) -t (\S+) -m (\S+)$/.exec(shown)!;
    if (has('mosquitto_pub')) {
      const args = [...shown.split(' ').slice(1), '-h', '127.0.0.1', '-p', String(broker.ports.mqtt)];
      await promisify(execFile)('mosquitto_pub', args);
    } else {
      const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`);
      await device.publishAsync(topic!, message!, { qos: Number(qos) as 1 });
      await device.endAsync();
    }
    await worker.printed(`${topic!.replaceAll('/', '.')} ${message}\n`);
    worker.kill();
    await admin.close();
  });

  it('the older application in STOMP over WebSocket prints it, too', async () => {
    const source = block('js', '@stomp/stompjs').replace('ws://localhost:15674', `ws://127.0.0.1:${broker.ports.ws}`);
    // In Node of this version WebSocket is there already, as it is in a browser.
    const application = program(`${source}\nclient.onStompError = (frame) => console.log(frame.headers);`);
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`);
    // Publish and subscribe: it gets what comes once it has subscribed.
    await until(async () => {
      await device.publishAsync('plant/8/temperature', '20.5', { qos: 1 });
      return application.said().includes('20.5');
    }, 'the application prints it');
    expect(application.said()).toContain('/topic/plant.8.temperature 20.5\n');
    application.kill();
    await device.endAsync();
  });

  it('the web page in MQTT connects', async () => {
    const shown = inProse.find((text) => text.startsWith('mqtt.connect('))!;
    const url = /'(.*)'/.exec(shown)![1]!.replace('localhost:15675', `127.0.0.1:${broker.ports.ws}`);
    const page = await mqtt.connectAsync(url);
    await page.endAsync();
  });
});

describe('the command', () => {
  /** One shown line as arguments, without comment and variables; with ports and folders of the test's own. */
  function asTyped(line: string): { environment: Record<string, string>; args: string[] } {
    const words = line
      .replace(/\s#.*$/, '')
      .match(/'[^']*'|\S+/g)!
      .map((word) => word.replaceAll("'", ''));
    const environment: Record<string, string> = {};
    while (/^[A-Z_]+=/.test(words[0]!)) {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(words.shift()!)!;
      environment[name!] = value!.replaceAll("'", '');
    }
    expect(words.shift()).toBe('entrepot');
    const args = words.map((word) =>
      word === '/var/lib/entrepot'
        ? join(folder, `data-${performance.now()}`)
        : word.replace(/:\d+$/, ':0').replace('0.0.0.0', '127.0.0.1'),
    );
    return { environment, args };
  }

  const shown = lines.filter((line) => /^([A-Z_]+='?[^ ]* )*entrepot /.test(line));

  it('is shown in several ways', () => {
    expect(shown.length).toBeGreaterThanOrEqual(6);
  });

  it.each(shown.filter((line) => line.includes('entrepot start')))('%s', async (line) => {
    const { environment, args } = asTyped(line);
    const [, ...flags] = args;
    if (!flags.includes('--data')) flags.push('--data', join(folder, `data-${performance.now()}`));
    if (!flags.includes('--listen')) flags.push('--listen', 'amqp://127.0.0.1:0');
    const started = await Command.start(flags, environment);
    expect((await started.stop()).code).toBe(0);
  });

  it.each(shown.filter((line) => line.includes('entrepot config')))('%s', async (line) => {
    const { args } = asTyped(line);
    const file = join(folder, 'entrepot.yaml');
    writeFileSync(
      file,
      blocks
        .filter(({ language }) => language === 'yaml')
        .map(({ text }) => text)
        .join('\n'),
    );
    const ended = await Command.run(args.map((word) => (word === 'entrepot.yaml' ? file : word)));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(shown.filter((line) => line.includes('entrepot health')))('%s', async () => {
    const settings = { ENTREPOT_LISTEN: `http://localhost:${broker.ports.http}` };
    expect(await Command.run(['health'], settings)).toMatchObject({ code: 0, stdout: 'ok\n', stderr: '' });
    const [free] = await freePorts(1);
    const nobody = await Command.run(['health'], { ENTREPOT_LISTEN: `http://127.0.0.1:${free}` });
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toMatch(/^entrepot: nothing that is well answers at \S+\/healthz \(ECONNREFUSED\)\n$/);
  });

  it.each(shown.filter((line) => /^entrepot (status|top|doctor|queues|policies|definitions) /.test(line)))(
    '%s',
    async (line) => {
      const data = join(folder, `data-${performance.now()}`);
      const running = await createBroker({ data, listen: 'http://127.0.0.1:0' });
      const session = running.operator.enterAsOperator('/');
      session.declareQueue('orders', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
      session.close(true);
      const ended = await Command.run([...asTyped(line).args, '--data', data]);
      expect(ended.code).toBe(0);
      // How far a search has got is said beside what it found.
      expect(ended.stderr).toMatch(/^(entrepot: scanned \d+ of \d+\n)?$/);
      await running.close();
    },
  );

  it('knows every flag and variable that the text speaks of', async () => {
    const { stdout: help } = await Command.run(['start', '--help']);
    for (const flag of new Set(TEXT.match(/(?<= )--(data|listen|config|log-level)\b/g))) expect(help).toContain(flag);
    const named = [...new Set(TEXT.match(/ENTREPOT_[A-Z_]*[A-Z]/g))].filter((name) => name !== 'ENTREPOT_CONFIG');
    const values: Record<string, string> = {
      ENTREPOT_LISTEN: 'amqp://127.0.0.1:5672',
      ENTREPOT_VHOSTS: '/',
      ENTREPOT_USERS: '{}',
      ENTREPOT_PROFILE: 'hardened',
      ENTREPOT_WEBSOCKET_ORIGINS: 'none',
    };
    const environment = Object.fromEntries(
      named.map((name) => [name, values[name] ?? (/SIZE/.test(name) ? '1 MiB' : 'x')]),
    );
    expect(await Command.run(['config', 'check'], environment)).toMatchObject({ code: 0, stderr: '' });
  });

  const spokenOf = inProse
    .filter((one) => one.startsWith('entrepot '))
    .map((text) => text.split(' ').filter((word, at) => at > 0 && /^[a-z]+$/.test(word)))
    .map((words) => words.join(' '));

  it.each([...new Set(spokenOf)].filter((one) => one !== ''))('has the subcommand %s', async (one) => {
    expect((await Command.run([...one.split(' '), '--help'])).code).toBe(0);
  });

  it('npm runs every script that is named', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...TEXT.matchAll(/\bnpm (?:run ([a-z]+)|(start|test))\b/g)].map((match) => match[1] ?? match[2]!);
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

describe('policies', () => {
  it('by configuration, as shown', async () => {
    const { parse } = await import('yaml');
    const running = await createBroker(parse(block('yaml', 'policies:')));
    expect(
      running
        .policies('/')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['ceiling', 'dead']);
    await running.close();
  });

  it('set by a program, as the text says', async () => {
    expect(inProse).toContain('broker.setPolicy(vhost, policy)');
    const { parse } = await import('yaml');
    const policy = parse(/^ {4}(\{ name: patient.*\})$/m.exec(TEXT)![1]!);
    const running = await createBroker();
    await running.setPolicy('/', policy);
    expect(running.policies('/')).toMatchObject([{ name: 'patient' }]);
    await running.close();
  });
});

describe('the pages', () => {
  it('README leads to each of them', () => {
    const linked = [...TEXTS.get('README.md')!.matchAll(/\]\((docs\/[\w-]+\.md)\)/g)].map((match) => match[1]!);
    expect([...new Set(linked)].sort()).toEqual([...PAGES].sort());
  });

  it.each([...TEXTS.keys(), 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'])(
    'every link of %s leads somewhere',
    (path) => {
      const targets = [...readFileSync(path, 'utf8').matchAll(/\]\(([^)\s#]+)(?:#[\w-]+)?\)/g)].map(
        (match) => match[1]!,
      );
      const files = targets.filter((target) => !/^https?:/.test(target));
      expect(files.filter((target) => !existsSync(join(dirname(path), target)))).toEqual([]);
    },
  );
});

it('every finding has its line in their list, and every line its finding', () => {
  const scripts = readdirSync('findings').filter((name) => name.endsWith('.sh'));
  const listed = [...readFileSync('findings/README.md', 'utf8').matchAll(/\]\((\S+\.sh)\)/g)].map((match) => match[1]!);
  expect(listed.sort()).toEqual(scripts.sort());
});

it('the program with a broker inside does what it says, and ends by itself', async () => {
  const source = block('js', "from 'entrepot'")
    .replace("'entrepot'", JSON.stringify(join(process.cwd(), 'src', 'index.ts')))
    .replace("'./data'", JSON.stringify(join(folder, 'inside')));
  const running = program(source);
  expect(await running.ended).toBe(0);
  expect(running.said()).toMatch(/^\d+\n$/);
});

it('the program with a broker inside pulls and redrives by it', async () => {
  const source = `
    import amqplib from 'amqplib';
    import { createBroker } from ${JSON.stringify(join(process.cwd(), 'src', 'index.ts'))};
    const broker = await createBroker({ listen: 'amqp://127.0.0.1:0' });
    const client = await amqplib.connect('amqp://127.0.0.1:' + broker.port('amqp'));
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('orders');
    await channel.assertQueue('dead');
    for (const region of ['eu', 'us']) channel.sendToQueue('dead', Buffer.from(region), { headers: { region } });
    await channel.waitForConfirms();
    setTimeout(() => channel.sendToQueue('orders', Buffer.from('an order')), 50);
    ${block('js', 'operator.pull(')}
    await client.close();
    await broker.close();
  `;
  const running = program(source);
  expect(await running.ended).toBe(0);
  expect(running.said()).toBe('an order\n1\nrunning\n');
});
