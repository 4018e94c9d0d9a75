/** The protocol header: the eight bytes with which a client says what it speaks. [§4.2.2] */

const HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);
/** How 0-9 began, which differs in nothing that clients use; RabbitMQ takes it for 0-9-1 as well. */
const HEADER_0_9 = Buffer.from([0x41, 0x4d, 0x51, 0x50, 1, 1, 0, 9]);

export class Greeting {
  /** What is answered to any other: the header of what is spoken here. */
  static readonly header = HEADER;
  /** Whether it is the header of AMQP 0-9-1; undefined until it can be told. */
  accepted: boolean | undefined = undefined;
  private seen = 0;
  private older = true;
  private current = true;

  /** Returns how many bytes of `chunk` belonged to the header. */
  take(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.seen < HEADER.length) {
      this.current &&= chunk[at] === HEADER[this.seen];
      this.older &&= chunk[at] === HEADER_0_9[this.seen];
      if (!this.current && !this.older) {
        this.accepted = false;
        return at;
      }
      at++;
      this.seen++;
    }
    if (this.seen === HEADER.length) this.accepted = true;
    return at;
  }
}
