#!/usr/bin/env node
/**
 * The `entrepot` command. It reads flags, tells a person what is going on, and turns signals into an orderly stop; the
 * broker itself is `createBroker`'s, as it would be in any other program.
 *
 *     starting ──▶ ready ──first signal──▶ stopping ──▶ exit 0
 *        │                                    └──second signal──▶ exit 1 at once (what was confirmed is safe all the same)
 *        └──wrong setting, port in use, directory locked──▶ one line on stderr, exit 1
 *
 * The start-up screen goes to stdout and ends with a line that begins with `Ready`; the log goes to stderr as JSON.
 */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { pino } from 'pino';
import { formatListen, USUAL_PORTS } from './config/listen.ts';
import { ConfigError, type Flags, type Loaded, loadConfig } from './config/load.ts';
import { printConfig } from './config/print.ts';
import { type Config, LOG_LEVELS } from './config/schema.ts';
import type { ListenerInfo, RunningBroker } from './index.ts';
import { IdleMemory } from './management/idle-memory.ts';
import { formatEndpoint, isLoopback } from './transport/address.ts';
import { PRODUCT, VERSION } from './version.ts';

const TITLES: Readonly<Record<string, string>> = {
  amqp: 'AMQP',
  mqtt: 'MQTT',
  stomp: 'STOMP',
  ws: 'WebSocket',
  http: 'HTTP',
};

function repeated(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

const program = new Command('entrepot')
  .description('A message broker: AMQP 0-9-1, MQTT, STOMP and WebSocket clients meet in one durable model.')
  .version(`${PRODUCT.toLowerCase()} ${VERSION}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .configureOutput({ outputError: (text, write) => write(oneLine(text.replace(/^error: /, 'entrepot: '))) })
  .showHelpAfterError(false);

const configOption = new Option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)');

program
  .command('start')
  .description('run the broker until it is told to stop')
  .addOption(configOption)
  .option('--data <dir>', 'keep the log in this directory (default: ./data)')
  .option(
    '--listen <address>',
    `PROTOCOL://HOST:PORT, protocol one of ${Object.keys(USUAL_PORTS).join(', ')}; may be repeated; when given, exactly these listen`,
    repeated,
  )
  .addOption(
    new Option('--log-level <level>', 'what goes to the log on stderr (default: info)').choices([...LOG_LEVELS]),
  )
  .addHelpText(
    'after',
    `
Examples:
  entrepot start                                        this machine only, usual ports, data in ./data
  entrepot start --data /var/lib/entrepot --listen amqp://0.0.0.0:5672 --listen mqtt://0.0.0.0:1883
  entrepot start --listen amqp+mqtt+stomp://127.0.0.1:7000   one port, told apart by a client's first bytes

A flag beats the environment (ENTREPOT_DATA, ENTREPOT_AMQP_BODY_SIZE_MAX …), which beats the file, which beats the default.
'entrepot config print' shows every setting.`,
  )
  .action((flags: Flags) => start(flags));

const config = program.command('config').description('look at the settings');

config
  .command('check')
  .description('say whether the settings are right, and where they are not')
  .addOption(configOption)
  .action((flags: Flags) => {
    load(flags);
    process.stdout.write('The settings are right.\n');
  });

config
  .command('print')
  .description('print the settings in force as a configuration file')
  .addOption(configOption)
  .action((flags: Flags) => {
    process.stdout.write(printConfig(load(flags)));
  });

const log = program.command('log').description("look at a stopped broker's log; nothing is written");
log
  .command('verify')
  .description('check every batch of every segment; exits with 1 if something is damaged')
  .argument('<dir>', 'the data directory, or one log in it')
  .action(verifyLogs);
log
  .command('dump')
  .description('print every record as a line of JSON')
  .argument('<dir>', 'the data directory, or one log in it')
  .option('--queue <name>', 'only what is about this queue')
  .action(dumpLogs);

await program.parseAsync();

async function verifyLogs(directory: string): Promise<void> {
  const { logsIn, verify } = await import('./vhost/offline.ts');
  try {
    for (const one of await logsIn(directory)) {
      const found = await verify(one);
      for (const event of found.events) process.stdout.write(`vhost ${one.vhost}: ${JSON.stringify(event)}\n`);
      process.stdout.write(
        `vhost ${one.vhost}: ${found.segments} segments, ${found.sound ? 'nothing is damaged' : 'DAMAGED, see above'}\n`,
      );
      if (!found.sound) process.exitCode = 1;
    }
  } catch (error) {
    fail(error);
  }
}

async function dumpLogs(directory: string, flags: { queue?: string }): Promise<void> {
  const { dump, logsIn } = await import('./vhost/offline.ts');
  // A reader that has seen enough (`| head`) is no fault.
  process.stdout.on('error', () => process.exit(0));
  try {
    for (const one of await logsIn(directory)) {
      await dump(one, flags.queue, (text) => void process.stdout.write(`${text}\n`));
    }
  } catch (error) {
    fail(error);
  }
}

async function start(flags: Flags): Promise<void> {
  const beganMs = performance.now();
  const { config: settings } = load(flags);
  const { data, listen, log, ...rest } = settings;
  const directory = resolve(data);
  const logger = pino({ level: log.level, base: null }, pino.destination({ fd: 2, sync: true }));

  let running: RunningBroker | undefined;
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping || running === undefined) {
      process.stderr.write(`entrepot: stopped at once by ${signal}\n`);
      process.exit(1);
    }
    stopping = true;
    process.stdout.write(`Stopping (${signal}); once more to stop at once\n`);
    running.close().then(
      () => {
        process.stdout.write('Stopped\n');
        process.exitCode = 0;
      },
      (error: unknown) => fail(error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  try {
    // Not before it is wanted: help and settings are shown without it.
    const { createBroker } = await import('./index.ts');
    running = await createBroker({ ...rest, data: directory, listen, logger });
  } catch (error) {
    fail(error);
  }
  new IdleMemory(running.broker.clock, logger).start();
  process.stdout.write(screen(running.listeners, directory, settings));
  process.stdout.write(`Ready in ${Math.round(performance.now() - beganMs)} ms\n`);
}

function load(flags: Flags): Loaded {
  try {
    return loadConfig(flags, process.env);
  } catch (error) {
    fail(error);
  }
}

/** What cannot be gone on with. What an operator can mend is told in a line; a defect shows where it happened. */
function fail(error: unknown): never {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`entrepot: ${oneLine(problem)}\n`);
  } else if (error instanceof Error && !isDefect(error)) {
    process.stderr.write(`entrepot: ${oneLine(error.message)}\n`);
  } else {
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`entrepot: this is a defect of the broker, please report it: ${shown}\n`);
  }
  process.exit(1);
}

function isDefect(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof TypeError || error instanceof ReferenceError || code === 'ERR_ASSERTION';
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*(?=\S)/g, ' ');
}

function screen(listeners: readonly ListenerInfo[], directory: string, settings: Config): string {
  const rows: [string, string][] = listeners.map((listener) => [titleOf(listener), placeOf(listener)]);
  const open = listeners.some((l) => !l.addresses.every((address) => isLoopback(address.address)));
  rows.push(['', ''], ['Data', directory], ['', durabilityText(settings.durability)]);
  for (const [name, { durability }] of Object.entries(settings.vhosts)) {
    if (durability !== undefined) rows.push(['', `vhost ${name}: ${durabilityText(durability)}`]);
  }
  rows.push(['Access', 'from this machine: user guest, password guest; MQTT and STOMP also without a name']);
  rows.push([
    '',
    open
      ? 'other machines reach the open ports, but guest and nameless clients are let in from this machine only'
      : 'to open a port to other machines: --listen amqp://0.0.0.0:5672 (guest stays local)',
  ]);
  const tryIt = listeners.find((l) => l.name.split('+').includes('mqtt'));
  if (tryIt !== undefined) {
    const port = tryIt.port === USUAL_PORTS['mqtt'] ? '' : ` -p ${tryIt.port}`;
    rows.push(['', '']);
    rows.push([
      'Try',
      `mosquitto_sub${port} -t 'hello/#' -v   and elsewhere   mosquitto_pub${port} -t hello/world -m hi`,
    ]);
  }
  const width = Math.max(...rows.map(([title]) => title.length)) + 3;
  const lines = rows.map(([title, text]) => (text === '' ? '' : `  ${title.padEnd(width)}${text}`));
  return `${PRODUCT} ${VERSION}\n\n${lines.join('\n')}\n\n`;
}

function durabilityText({ level, interval }: Pick<Config['durability'], 'level' | 'interval'>): string {
  if (level === 'fsync') return 'every confirm follows the sync of what it confirms';
  if (level === 'interval')
    return `confirms follow the write; synced every ${interval} ms: a power failure may take that much`;
  return 'confirms follow the write, nothing is synced: a power failure may take what the system has not written yet';
}

function titleOf(listener: ListenerInfo): string {
  return listener.name
    .split('+')
    .map((name) => TITLES[name] ?? name)
    .join(', ');
}

function placeOf(listener: ListenerInfo): string {
  const shown = listener.addresses.map(formatEndpoint).join(', ');
  const url = formatListen({ protocols: [listener.name], host: listener.host, port: listener.port });
  switch (listener.name) {
    case 'http':
      return `${url}/healthz (${shown}); WebSocket here too`;
    case 'ws':
      return `${url}/ws (${shown})`;
    default:
      return `${url} (${shown})${listener.durability === undefined ? '' : `, durability ${listener.durability}`}`;
  }
}
