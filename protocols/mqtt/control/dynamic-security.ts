/**
 * Dynamic security: the commands of Mosquitto's plugin of that name (2.0), in JSON, and their answers.
 *
 *     {"commands":[{"command":"getRole","rolename":"r","correlationData":"1"}]}
 *     {"responses":[{"command":"getRole","data":{"role":{…}},"correlationData":"1"}]}
 *
 * One answer a command, in their order; one that is refused has `error`, and those behind it are carried out all the same. What a
 * client, a role and a group are here is said at `Administration`.
 */
import { isUtf8 } from 'node:buffer';
import { type Administration, BrokerError } from '../../../src/api/index.ts';
import { CLIENT_COMMANDS } from './clients.ts';
import { CommandRefused, isObject, type Json } from './fields.ts';
import { GROUP_COMMANDS } from './groups.ts';
import type { Handler, OneCommand } from './handler.ts';
import { ROLE_COMMANDS } from './roles.ts';

/** Bytes of one payload, and commands in it. */
export const COMMANDS_BYTES_MAX = 64 * 1024;
const COMMANDS_MAX = 256;
const UNKNOWN = 'Unknown command';
/** Fields that say in the log whom a command was about, and how long that may be. */
const NAMED = ['username', 'groupname', 'rolename', 'acltype', 'topic'];
const WHAT_CHARS_MAX = 300;

/** By their names in small letters: the plugin does not mind. */
const HANDLERS: ReadonlyMap<string, readonly [name: string, handler: Handler]> = new Map(
  Object.entries({ ...CLIENT_COMMANDS, ...GROUP_COMMANDS, ...ROLE_COMMANDS }).map(([name, handler]) => [
    name.toLowerCase(),
    [name, handler] as const,
  ]),
);

/** Carries out what a payload says, command by command. Resolves to the answer, once all of it is safe. Never rejected. */
export async function carryOut(
  administration: Administration,
  payload: Buffer,
  onFault: (error: unknown) => void,
): Promise<string> {
  const commands = commandsIn(payload);
  if (typeof commands === 'string') return answerOf([refusal(UNKNOWN, commands)]);
  const responses: Json[] = [];
  for (const command of commands) responses.push(await respond(administration, command, onFault));
  return answerOf(responses);
}

/** The commands, or why there are none. */
function commandsIn(payload: Buffer): readonly unknown[] | string {
  let given: unknown;
  try {
    if (!isUtf8(payload)) return 'Payload not valid JSON';
    given = JSON.parse(payload.toString('utf8'));
  } catch {
    return 'Payload not valid JSON';
  }
  const commands = isObject(given) ? given['commands'] : undefined;
  if (!Array.isArray(commands)) return 'Invalid/missing commands';
  return commands.length > COMMANDS_MAX ? `More than ${COMMANDS_MAX} commands` : commands;
}

async function respond(
  administration: Administration,
  command: unknown,
  onFault: (error: unknown) => void,
): Promise<Json> {
  if (!isObject(command)) return refusal(UNKNOWN, 'Command not an object');
  const { command: asked, correlationData } = command;
  if (typeof asked !== 'string') return refusal(UNKNOWN, 'Missing command');
  if (correlationData !== undefined && typeof correlationData !== 'string') {
    return refusal(asked, 'Invalid correlationData data type.');
  }
  const more = correlationData === undefined ? {} : { correlationData };
  const [name, handler] = HANDLERS.get(asked.toLowerCase()) ?? [];
  if (name === undefined || handler === undefined) return { ...refusal(asked, UNKNOWN), ...more };
  try {
    const data = await handler(oneCommand(administration, name, command), command);
    return { command: name, ...(data !== undefined && { data }), ...more };
  } catch (error) {
    if (error instanceof CommandRefused || error instanceof BrokerError)
      return { ...refusal(name, error.message), ...more };
    onFault(error);
    return { ...refusal(name, 'Internal error'), ...more };
  }
}

function oneCommand(administration: Administration, name: string, command: Json): OneCommand {
  const about = [name, ...NAMED.map((field) => command[field]).filter((value) => typeof value === 'string')];
  const what = about.join(' ').slice(0, WHAT_CHARS_MAX);
  return {
    get access() {
      return administration.access;
    },
    hash: (password) => administration.hash(password),
    change: (work) => administration.change(what, work),
  };
}

function refusal(command: string, error: string): Json {
  return { command, error };
}

function answerOf(responses: readonly Json[]): string {
  return JSON.stringify({ responses });
}
