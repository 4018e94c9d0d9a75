/**
 * Tokens: the `message-id` of every delivery and, in 1.2, its `ack` header. An ACK or NACK brings one back.
 *
 *     <session>.<subscription>.<number>[.<index>]
 *
 *     session        the connection's name, `[0-9a-z-]+`: no token is good on another connection
 *     subscription   counts the connection's subscriptions, from 1
 *     number         counts the subscription's deliveries, from 1
 *     index          where the delivery is kept while it is unsettled; not there if it needs no ACK
 *
 * Reading one takes no search: it leads straight to the place where the delivery must be.
 */
const DOT = 0x2e;

export class Token {
  subscription = 0;
  number = 0;
  index = 0;

  /** Reads `buffer[start, end)`. False if it is not one that this session could have given out for an ACK. */
  read(buffer: Buffer, start: number, end: number, session: Buffer): boolean {
    const length = session.length;
    if (end - start <= length) return false;
    for (let i = 0; i < length; i++) if (buffer[start + i] !== session[i]) return false;
    let at = start + length;
    if (buffer[at++] !== DOT) return false;
    let field = 0;
    let value = 0;
    let digits = 0;
    for (; at <= end; at++) {
      const byte = at === end ? DOT : buffer[at]!;
      if (byte === DOT) {
        if (digits === 0) return false;
        if (field === 0) this.subscription = value;
        else if (field === 1) this.number = value;
        else this.index = value;
        field++;
        value = 0;
        digits = 0;
      } else {
        const digit = byte - 0x30;
        if (digit < 0 || digit > 9 || ++digits > 15 || field > 2) return false;
        value = value * 10 + digit;
      }
    }
    return field === 3;
  }
}
