/**
 * `entrepot sub`: messages of an address of any protocol, a line of JSON each.
 *
 *     events of the broker ──▶ standard output ──taken──▶ reported to the broker ──▶ more
 *
 * What has been printed is reported, not more; so whoever reads slowly holds up nothing but himself.
 */
import type { Command } from 'commander';
import { DOT, SLASH } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import { CommandError, EXIT } from '../exit.ts';
import { api, type BrokerClient, type ServerEvent } from '../reach/client.ts';
import { sourceOf } from './address.ts';
import { asking, type CommonFlags, connected } from './context.ts';
import { followed } from './followed.ts';
import { written } from './lists.ts';

const WINDOW = 500;
/** What JSON leaves as it is, and a terminal may obey. */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

type SubscribeFlags = CommonFlags & {
  readonly vhost: string;
  readonly count?: string;
  readonly ack: boolean;
  readonly retained: boolean;
  readonly window?: string;
  readonly selector?: string;
};

export function addSubscribe(program: Command): void {
  asking(program, 'sub <address>', 'print messages as they come, a line of JSON each')
    .option('--vhost <name>', 'where', '/')
    .option('--count <n>', 'end after so many')
    .option('--window <n>', `messages that may be on their way here (default: ${WINDOW})`)
    .option('--selector <condition>', "only these, by a JMS selector as colour = 'red'; the others stay in a queue")
    .option('--no-ack', 'a message is done once it is sent, not once it is printed')
    .option('--no-retained', 'of an MQTT filter: leave out what is retained')
    .addHelpText(
      'after',
      `
From a queue messages are taken, and are gone from it once they are printed. Everything else is listened to beside others, from now on.
It ends in order at Ctrl-C, and when nobody reads what it prints.

Examples:
  entrepot sub queue:orders --count 1
  entrepot sub mqtt:plant/+/temperature | jq .body
  entrepot sub amqp:amq.topic/plant.#
  entrepot sub 'redis:news.*'`,
    )
    .action(
      connected<SubscribeFlags>(async ({ client, note }, [address = ''], flags) => {
        const { vhost, ack, retained } = flags;
        const source = sourceOf(address);
        const wanted = wholeOf('--count', flags.count);
        const { matches, ...named } = 'queue' in source ? { ...source, matches: undefined } : source;
        const query = {
          ...('queue' in named ? named : { ...named, retained: String(named.retained && retained) }),
          // Where it is chosen here, the broker does not know how many are printed.
          count: matches === undefined ? wanted : undefined,
          selector: flags.selector,
          window: wholeOf('--window', flags.window) ?? WINDOW,
          ack: String(ack),
        };
        await follow(client, api`/v1/vhosts/${vhost}/subscription`, query, { wanted, matches }, note);
      }),
    );
}

function wholeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new CommandError(EXIT.usage, `${option} '${text}' is not a number above 0`);
  return Number(text);
}

async function follow(
  client: BrokerClient,
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  { wanted = Number.POSITIVE_INFINITY, matches }: Chosen,
  note: (line: string) => void,
): Promise<void> {
  const reports = new Reports(client);
  let printed = 0;
  await followed(
    client.events(path, query),
    async (events) => {
      printed += await take(events, reports, { wanted: wanted - printed, matches }, note);
      return printed < wanted;
    },
    () => reports.end(),
  );
  reports.demandTold();
}

/** A printed message's key as AMQP, STOMP and Redis write it. */
function dottedKey(data: string): string {
  const { routingKey, spelling } = JSON.parse(data) as { routingKey: string; spelling: 'dots' | 'slashes' };
  return dotted(routingKey, spelling === 'slashes' ? SLASH : DOT);
}

/** What is printed of what comes. */
interface Chosen {
  readonly wanted: number | undefined;
  readonly matches: ((key: string) => boolean) | undefined;
}

/** @returns how many messages were printed */
async function take(
  events: readonly ServerEvent[],
  reports: Reports,
  { wanted, matches }: Chosen,
  note: (line: string) => void,
): Promise<number> {
  // The first messages may come with it.
  const begin = events.find(({ name }) => name === 'subscribed');
  if (begin !== undefined) reports.subscription = (JSON.parse(begin.data) as { subscription: string }).subscription;
  const messages = events.filter(({ name }) => name === 'message');
  let printed = 0;
  if (messages.length > 0) {
    const toTerminal = process.stdout.isTTY === true;
    const lines = messages
      .filter(({ data }) => matches === undefined || matches(dottedKey(data)))
      .slice(0, wanted)
      .map(({ data }) => (toTerminal ? data.replace(UNSAFE, escaped) : data));
    if (lines.length > 0) await written(`${lines.join('\n')}\n`);
    printed = lines.length;
    reports.received(Number(messages.at(-1)!.id));
  }
  for (const { name, data } of events) {
    const told = name === 'message' ? {} : (JSON.parse(data) as Record<string, unknown>);
    if (name === 'dropped')
      note(`${String(told['count'])} messages were dropped: they came faster than they were read`);
    if (name === 'ended') throw ended(String(told['reason']));
  }
  return printed;
}

const ENDS: Readonly<Record<string, CommandError>> = {
  'queue-deleted': new CommandError(EXIT.notFound, 'the queue has been deleted'),
  'access-refused': new CommandError(EXIT.refused, 'refused: this may not be read any more'),
  operator: new CommandError(EXIT.failed, 'an operator has ended the subscription'),
  unreadable: new CommandError(EXIT.failed, 'a message cannot be read from the disk'),
  expired: new CommandError(EXIT.refused, 'refused: what was logged in with has expired'),
};

function ended(reason: string): CommandError {
  return ENDS[reason] ?? new CommandError(EXIT.unreachable, 'the broker is stopping');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Tells the broker what has been printed: one at a time, the newest number counts. */
class Reports {
  subscription = '';
  private readonly client: BrokerClient;
  private upTo = 0;
  private told = 0;
  private telling: Promise<void> | undefined;
  private fault: unknown;

  constructor(client: BrokerClient) {
    this.client = client;
  }

  received(upTo: number): void {
    this.demandTold();
    this.upTo = upTo;
    this.telling ??= this.tell();
  }

  /** @throws CommandError what a report met with: what was printed since comes again */
  demandTold(): void {
    if (this.fault !== undefined) throw this.fault;
  }

  private async tell(): Promise<void> {
    try {
      while (this.told < this.upTo) {
        const { upTo } = this;
        await this.client.send('POST', api`/v1/subscriptions/${this.subscription}/received`, { body: { upTo } });
        this.told = upTo;
      }
    } catch (error) {
      this.fault = error;
    } finally {
      this.telling = undefined;
    }
  }

  /** The last one has been answered. */
  async end(): Promise<void> {
    while (this.telling !== undefined) await this.telling;
  }
}
