#!/usr/bin/env node
/**
 * The `entrepot` command. It reads flags, tells a person what is going on, and turns signals into an orderly stop; the
 * broker itself is `createBroker`'s, as it would be in any other program.
 *
 *     starting ──▶ ready ──first signal──▶ stopping ──▶ exit 0
 *        │                                    └──second signal──▶ exit 1 at once (what was confirmed is safe all the same)
 *        └──port in use, directory locked──▶ a line each on stderr, exit 1; wrong setting ──▶ exit 2
 *
 * SIGHUP reads the settings again (see readAgain), and the TLS certificates.
 *
 * The start-up screen goes to stdout and ends with a line that begins with `Ready`; the log goes to stderr, as JSON unless that is a terminal.
 */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { ConsoleLog } from './command/console-log.ts';
import { allowMoreInlining } from './command/engine.ts';
import { EXIT, EXIT_CODES, faultOf } from './command/exit.ts';
import { watchNpm } from './command/npm-caller.ts';
import { readAgain } from './command/reread.ts';
import { screen } from './command/screen.ts';
import { LISTEN_NAMES, titlesOf } from './config/listen.ts';
import { type Flags, type Loaded, loadConfig } from './config/load.ts';
import { LOG_LEVELS } from './config/schema.ts';
import type { RunningBroker } from './index.ts';
import { consoleIsBuilt } from './management/console.ts';
import { IdleMemory } from './management/idle-memory.ts';
import { BrokerError } from './message/errors.ts';
import { PRODUCT, VERSION } from './version.ts';

function repeated(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

const program = new Command('entrepot')
  .description(`A message broker: ${titlesOf((_, name) => name !== 'http')} clients meet in one durable model.`)
  .version(`${PRODUCT.toLowerCase()} ${VERSION}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .configureOutput({ outputError: (text, write) => write(oneLine(text.replace(/^error: /, 'entrepot: '))) })
  .showHelpAfterError(false)
  .addHelpText('after', EXIT_CODES)
  // Wrong usage, of all that is below it too.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));

const configOption = new Option('--config <file>', 'read settings from a YAML file (or ENTREPOT_CONFIG)');

const listenOption = new Option(
  '--listen <address>',
  `PROTOCOL://HOST:PORT, protocol one of ${LISTEN_NAMES.join(', ')}, with an s over TLS; may be repeated; when given, exactly these listen`,
).argParser(repeated);

program
  .command('start')
  .description('run the broker until it is told to stop')
  .addOption(configOption)
  .option('--data <dir>', 'keep the log in this directory (default: ./data)')
  .addOption(listenOption)
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
'entrepot config print' shows every setting.
${EXIT_CODES}`,
  )
  .action((flags: Flags) => start(flags));

// A broker starts without them.
if (process.argv[2] !== 'start') (await import('./command/families/index.ts')).addFamilies(program);

// Whoever read what is said has gone: `| head` has seen enough, a `| tee` died of the same Ctrl-C. The broker stops in order
// all the same, and goes on if it was not asked to stop; a command that only prints is done.
let outlivesReaders = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (outlivesReaders) return;
    if (error.code !== 'EPIPE')
      fail(new BrokerError('unavailable', `what was asked for cannot be written: ${error.message}`));
    process.exit();
  });
}

await program.parseAsync();

async function start(flags: Flags): Promise<void> {
  const beganMs = performance.now();
  outlivesReaders = true;
  allowMoreInlining();
  const { config: settings } = load(flags);
  const { data, listen, log, ...rest } = settings;
  const directory = resolve(data);
  const logger = new ConsoleLog(log, process.stderr);

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
  // What other daemons use these for differs; none of them dies of one.
  let rereading = Promise.resolve();
  process.on('SIGHUP', () => {
    if (stopping || running === undefined) return;
    const broker = running;
    // One after the other: what was written last counts.
    rereading = rereading.then(() => readAgain(flags, settings, broker, logger));
    broker.reloadCertificates();
  });
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () =>
      logger.info({ signal }, 'a signal without a meaning here; SIGHUP reads the settings again'),
    );
  }

  try {
    // Not before it is wanted: help and settings are shown without it.
    const { createBroker } = await import('./index.ts');
    running = await createBroker({ ...rest, data: directory, listen, logger });
  } catch (error) {
    fail(error);
  }
  new IdleMemory(running.broker.clock, logger).start();
  watchNpm(process.env, running.broker.clock, () => {
    if (!stopping) stop('SIGTERM');
  });
  const users = running.users.list().length;
  process.stdout.write(screen(running.listeners, directory, settings, users, consoleIsBuilt()));
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
  const fault = faultOf(error);
  if (fault !== undefined) {
    for (const line of fault.lines) process.stderr.write(`entrepot: ${oneLine(line)}\n`);
  } else if (error instanceof Error && !isDefect(error)) {
    process.stderr.write(`entrepot: ${oneLine(error.message)}\n`);
  } else {
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`entrepot: this is a defect of the broker, please report it: ${shown}\n`);
  }
  process.exit(fault?.code ?? EXIT.failed);
}

function isDefect(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof TypeError || error instanceof ReferenceError || code === 'ERR_ASSERTION';
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*(?=\S)/g, ' ');
}
