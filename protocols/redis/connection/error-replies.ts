/** Error replies: in Redis' words, its code first. */
import type { BrokerError } from '../../../src/api/index.ts';
import type { Command } from '../codec/command-parser.ts';

/** Bytes of what an unknown command has been given that are repeated. */
const GIVEN_BYTES_MAX = 128;

/** A command that cannot be carried out: the client gets an error reply, and the connection goes on. */
export class CommandError extends Error {
  /** @param message the whole reply, its code first: `ERR …`, `NOAUTH …` */
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}

export function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name}' command`);
}

export function unknownSubcommand(name: string, subcommand: string): CommandError {
  return new CommandError(`ERR unknown subcommand '${subcommand.slice(0, 128)}'. Try ${name} HELP.`);
}

/** What the broker refuses: NOPERM where somebody else might be allowed to, else ERR and the broker's own code. */
export function replyOf({ code, message }: BrokerError): string {
  if (code === 'access-refused' || code === 'not-allowed') return `NOPERM ${message}`;
  return `ERR ${code}: ${message}`;
}

/** Redis' words. */
export function unknownCommand(command: Command): CommandError {
  let given = '';
  for (let i = 1; i < command.count && given.length < GIVEN_BYTES_MAX; i++) {
    given += `'${command.text(i).slice(0, GIVEN_BYTES_MAX - given.length)}' `;
  }
  const name = command.text(0).slice(0, GIVEN_BYTES_MAX);
  return new CommandError(`ERR unknown command '${name}', with args beginning with: ${given}`);
}
