/** The table of commands: each that there is, and how it may be called. */
import type { Command } from '../codec/command-parser.ts';
import { psubscribe, pubsub, punsubscribe, subscribe, unsubscribe } from '../deliver/subscribe.ts';
import { blmove, blpop, brpop, lmove, lpop, rpop } from '../deliver/take.ts';
import { lpush, publish, rpush } from '../publish/publish.ts';
import { del, exists, llen } from '../topology/keys.ts';
import type { Client } from './client.ts';
import {
  auth,
  type Control,
  client,
  describeCommands,
  echo,
  hello,
  info,
  ping,
  quit,
  reset,
  select,
} from './control.ts';

interface Rules {
  /** As Redis counts: so many arguments, the name among them; negative: at least so many. */
  readonly arity: number;
  /** It may be called by who is not let in; any other command lets in who needs no name. */
  readonly unknown?: boolean;
  /** RESP2's clients may call it while they are subscribed. */
  readonly whileSubscribed?: boolean;
  /** It waits while the broker holds publishers back. */
  readonly publishes?: boolean;
  /** It may be given while subscribed by who came in with what holds for a while. */
  readonly renews?: boolean;
  /** Its reply takes its place behind replies that wait for the log; others are carried out once those are given. */
  readonly queued?: boolean;
  /** Units of work; default 4. */
  readonly units?: number;
}

/** Commands about the connection itself take the connection, all others its client. */
export type CommandEntry = Rules &
  (
    | { readonly control: true; readonly run: (connection: Control, command: Command) => void }
    | { readonly control?: false; readonly run: (client: Client, command: Command) => void }
  );

const anytime = { whileSubscribed: true };
const pushing = { publishes: true, queued: true, units: 1 };

export const COMMANDS: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  ['hello', { arity: -1, control: true, unknown: true, run: hello, units: 200 }],
  ['auth', { arity: -2, control: true, unknown: true, renews: true, run: auth, units: 200 }],
  ['reset', { arity: 1, control: true, unknown: true, run: reset, ...anytime }],
  ['quit', { arity: -1, control: true, unknown: true, run: quit, ...anytime }],
  ['ping', { arity: -1, control: true, run: ping, ...anytime }],
  ['echo', { arity: 2, control: true, run: echo }],
  ['select', { arity: 2, control: true, run: select }],
  ['client', { arity: -2, control: true, run: client }],
  ['info', { arity: -1, control: true, run: info }],
  ['command', { arity: -1, control: true, run: describeCommands, units: 100 }],
  ['publish', { arity: 3, run: publish, ...pushing }],
  ['subscribe', { arity: -2, run: subscribe, ...anytime }],
  ['psubscribe', { arity: -2, run: psubscribe, ...anytime }],
  ['unsubscribe', { arity: -1, run: unsubscribe, ...anytime }],
  ['punsubscribe', { arity: -1, run: punsubscribe, ...anytime }],
  ['pubsub', { arity: -2, run: pubsub }],
  ['lpush', { arity: -3, run: lpush, ...pushing }],
  ['rpush', { arity: -3, run: rpush, ...pushing }],
  ['lpop', { arity: -2, run: lpop, units: 2 }],
  ['rpop', { arity: -2, run: rpop, units: 2 }],
  ['blpop', { arity: -3, run: blpop }],
  ['brpop', { arity: -3, run: brpop }],
  ['lmove', { arity: 5, run: lmove, publishes: true }],
  ['blmove', { arity: 6, run: blmove, publishes: true }],
  ['llen', { arity: 2, run: llen }],
  ['exists', { arity: -2, run: exists }],
  ['del', { arity: -2, run: del }],
]);
