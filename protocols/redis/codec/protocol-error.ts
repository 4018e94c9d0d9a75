/** The protocol error: the bytes are no RESP, or more than the bounds allow: the client is told, and the connection ends. */
export class ProtocolError extends Error {
  /** @param message in Redis' words, without its `ERR Protocol error: ` */
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}
