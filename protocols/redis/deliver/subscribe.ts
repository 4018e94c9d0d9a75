/** SUBSCRIBE, PSUBSCRIBE, UNSUBSCRIBE, PUNSUBSCRIBE, PUBSUB. */

import { BrokerError, bytesOf, textOf } from '../../../src/api/index.ts';
import type { Command } from '../codec/command-parser.ts';
import { globMatches } from '../codec/glob.ts';
import type { Client } from '../connection/client.ts';
import { CommandError, unknownSubcommand, wrongArity } from '../connection/error-replies.ts';
import { CHANNELS } from '../mapping/names.ts';

/** Bytes that are compared for one channel. */
const STEPS_MAX = 65_536;

export function subscribe(client: Client, command: Command): void {
  add(client, command, 'subscribe', (name) => client.subscriptions.addChannel(textOf(name)));
}

export function psubscribe(client: Client, command: Command): void {
  const { patternSizeMax } = client.adapter.options;
  add(client, command, 'psubscribe', (pattern) => {
    if (pattern.length > patternSizeMax) {
      throw new CommandError(`ERR a pattern of more than ${patternSizeMax} bytes is not taken`);
    }
    client.subscriptions.addPattern(textOf(pattern));
  });
}

function add(client: Client, command: Command, kind: string, one: (name: Buffer) => void): void {
  const names = command.rest(1);
  const { subscriptionsMax } = client.adapter.options;
  client.eachStep(
    names.length,
    (i) => {
      if (client.subscriptions.count >= subscriptionsMax) {
        throw new CommandError(`ERR a connection has ${subscriptionsMax} subscriptions at most`);
      }
      one(names[i]!);
      tell(client, kind, names[i]!);
    },
    () => {},
  );
}

export function unsubscribe(client: Client, command: Command): void {
  const { subscriptions } = client;
  const names = command.count > 1 ? command.rest(1) : [...subscriptions.channels].map(bytesOf);
  remove(client, 'unsubscribe', names, (name) => subscriptions.removeChannel(textOf(name)));
}

export function punsubscribe(client: Client, command: Command): void {
  const { subscriptions } = client;
  const names = command.count > 1 ? command.rest(1) : [...subscriptions.patterns.values()];
  remove(client, 'punsubscribe', names, (name) => subscriptions.removePattern(textOf(name)));
}

function remove(client: Client, kind: string, names: readonly Buffer[], one: (name: Buffer) => void): void {
  if (names.length === 0) tell(client, kind, null);
  client.eachStep(
    names.length,
    (i) => {
      one(names[i]!);
      tell(client, kind, names[i]!);
    },
    () => {},
  );
}

/** Each of them is answered for itself, with how many subscriptions there are now. */
function tell({ reply, subscriptions }: Client, kind: string, name: Buffer | null): void {
  reply.push(3);
  reply.text(kind);
  if (name === null) reply.nil();
  else reply.bulk(name);
  reply.integer(subscriptions.count);
}

export function pubsub(client: Client, command: Command): void {
  const { reply } = client;
  const audience = client.adapter.audience(client.session.vhost);
  const sub = command.word(1);
  if (sub === 'numpat') {
    if (command.count > 2) throw wrongArity('pubsub|numpat');
    reply.integer(audience.patterns.size);
  } else if (sub === 'numsub') {
    const names = command.rest(2);
    const counts: number[] = [];
    client.eachStep(
      names.length,
      (i) => {
        const name = textOf(names[i]!);
        const count = audience.channels.get(name) ?? 0;
        counts.push(count > 0 && mayKnow(client, name) ? count : 0);
      },
      () => {
        reply.array(2 * names.length);
        for (const [i, name] of names.entries()) {
          reply.bulk(name);
          reply.integer(counts[i]!);
        }
      },
    );
  } else if (sub === 'channels') {
    if (command.count > 3) throw wrongArity('pubsub|channels');
    channels(client, [...audience.channels.keys()], command.count === 3 ? command.bytes(2) : undefined);
  } else throw unknownSubcommand('PUBSUB', command.text(1));
}

/** Which channels others listen to is told to who may listen to them. @throws AccessPending */
function mayKnow({ session }: Client, channel: string): boolean {
  try {
    session.demandReading(CHANNELS, channel);
    return true;
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'access-refused') return false;
    throw error;
  }
}

function channels(client: Client, names: readonly string[], pattern: Buffer | undefined): void {
  if (pattern !== undefined && pattern.length > client.adapter.options.patternSizeMax) {
    throw new CommandError(`ERR a pattern of more than ${client.adapter.options.patternSizeMax} bytes is not taken`);
  }
  const found: Buffer[] = [];
  client.eachStep(
    names.length,
    (i) => {
      const name = bytesOf(names[i]!);
      const isWanted = pattern === undefined || globMatches(pattern, name, { left: STEPS_MAX });
      if (isWanted && mayKnow(client, names[i]!)) found.push(name);
    },
    () => {
      client.reply.array(found.length);
      for (const name of found) client.reply.bulk(name);
    },
  );
}
