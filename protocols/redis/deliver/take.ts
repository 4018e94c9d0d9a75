/** LPOP, RPOP, BLPOP, BRPOP, LMOVE, BLMOVE: commands that take from lists, as tasks of a `Pop`. */
import type { Command } from '../codec/command-parser.ts';
import type { Client } from '../connection/client.ts';
import { CommandError } from '../connection/error-replies.ts';
import type { End } from '../topology/lists.ts';
import { Pop } from './pop.ts';

export const lpop = (client: Client, command: Command): void => pop(client, command, 'right');
export const rpop = (client: Client, command: Command): void => pop(client, command, 'left');
export const blpop = (client: Client, command: Command): void => blockingPop(client, command, 'right');
export const brpop = (client: Client, command: Command): void => blockingPop(client, command, 'left');

function pop(client: Client, command: Command, filledAt: End): void {
  if (command.count > 2) {
    throw new CommandError(`ERR '${command.name}' with a count is not built: an element is taken at a time`);
  }
  Pop.run(client, { names: [command.text(1)], filledAt, named: false, waitMs: undefined, to: undefined });
}

function blockingPop(client: Client, command: Command, filledAt: End): void {
  const { blockingListsMax } = client.adapter.options;
  const last = command.count - 1;
  if (last - 1 > blockingListsMax)
    throw new CommandError(`ERR more than ${blockingListsMax} lists cannot be waited for`);
  const names = command.texts(1, last);
  Pop.run(client, { names, filledAt, named: true, waitMs: timeoutMs(command.word(last)), to: undefined });
}

/** LMOVE source destination LEFT|RIGHT LEFT|RIGHT */
export function lmove(client: Client, command: Command): void {
  move(client, command, undefined);
}

export function blmove(client: Client, command: Command): void {
  move(client, command, timeoutMs(command.word(5)));
}

function move(client: Client, command: Command, waitMs: number | undefined): void {
  // What is taken from the right was filled at the left.
  const filledAt = endOf(command.word(3)) === 'right' ? 'left' : 'right';
  const to = { name: command.bytes(2), filledAt: endOf(command.word(4)) };
  Pop.run(client, { names: [command.text(1)], filledAt, named: false, waitMs, to });
}

function endOf(word: string): End {
  if (word === 'left' || word === 'right') return word;
  throw new CommandError('ERR syntax error');
}

/** Seconds, with a fraction if need be; 0: for ever. */
function timeoutMs(text: string): number {
  if (/^[+-]?inf(inity)?$/.test(text)) throw new CommandError('ERR timeout is negative');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) {
    throw new CommandError('ERR timeout is not a float or out of range');
  }
  const ms = Math.ceil(Number(text) * 1000);
  if (ms < 0) throw new CommandError('ERR timeout is negative');
  if (ms > Number.MAX_SAFE_INTEGER) throw new CommandError('ERR timeout is out of range');
  return ms;
}
