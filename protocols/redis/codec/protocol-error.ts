/** What is wrong with a client's bytes or with what it asks for. */

/** The bytes are no RESP, or more than the bounds allow: the client is told, and the connection ends. */
export class ProtocolError extends Error {
  /** @param message in Redis' words, without its `ERR Protocol error: ` */
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}

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
