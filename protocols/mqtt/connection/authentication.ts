/**
 * Enhanced authentication [MQTT 5.0, section 4.12]: the client names a mechanism in CONNECT, and AUTH packets go back and
 * forth until the broker knows who it is. A connected client may prove itself anew with the same mechanism.
 *
 *     client                          broker
 *     CONNECT method, data   ──▶
 *                            ◀──      AUTH 0x18 method, data      } as often as the mechanism needs
 *     AUTH 0x18 method, data ──▶                                  }
 *                            ◀──      CONNACK 0 method, data
 *
 *     AUTH 0x19 method, data ──▶      …the same, ending with AUTH 0 instead of CONNACK
 */
import type { AuthExchange, AuthStep, BrokerServices, Credentials } from '../../../src/api/index.ts';

const NOTHING = Buffer.alloc(0);

/** What a connection with a method is about, and has proved. */
export class Authentication {
  readonly method: string;
  /** The vhost that the client wants; undefined: the default one. */
  readonly vhost: string | undefined;
  /** The last word of the first exchange, for CONNACK. */
  data: Buffer | undefined = undefined;
  private exchange: AuthExchange | null = null;
  private readonly broker: BrokerServices;
  private readonly credentials: Credentials;

  constructor(broker: BrokerServices, method: string, credentials: Credentials, vhost: string | undefined) {
    this.broker = broker;
    this.method = method;
    this.credentials = credentials;
    this.vhost = vhost;
  }

  /** An exchange is under way. */
  get begun(): boolean {
    return this.exchange !== null;
  }

  /** Begins an exchange. False: the mechanism is not offered. */
  begin(): boolean {
    this.exchange = this.broker.beginAuthentication(this.method, this.credentials) ?? null;
    return this.exchange !== null;
  }

  /**
   * Hands the client's data to the exchange that is under way.
   * @param done hears what the client is to be sent, or who it is, or why not: before this returns, or later. With anything
   * but a challenge the exchange is over.
   */
  step(data: Buffer | undefined, done: (result: AuthStep) => void): void {
    this.exchange?.step(data ?? NOTHING, (result) => {
      if (!('challenge' in result)) this.exchange = null;
      done(result);
    });
  }
}
