/** The receive maximum that this broker has told a client of 5.0, and how far it is used [MQTT5 4.9]. */
import { MalformedPacket } from '../codec/packet.ts';
import { RECEIVE_MAXIMUM_EXCEEDED } from '../codec/reasons.ts';

export class ReceiveQuota {
  /** QoS 1 and 2 messages from the client that wait for their last answer. */
  private unanswered = 0;
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** A QoS 1 or 2 message has come [MQTT5-3.3.4-9]. @throws MalformedPacket if it is one too many */
  received(): void {
    if (this.unanswered >= this.max) {
      throw new MalformedPacket(`more than ${this.max} messages unanswered [MQTT5-4.9.0-1]`, RECEIVE_MAXIMUM_EXCEEDED);
    }
    this.unanswered++;
  }

  /** The last answer to one has been written. */
  answered(): void {
    if (this.unanswered > 0) this.unanswered--;
  }
}
