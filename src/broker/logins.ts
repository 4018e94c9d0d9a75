/** Logins: whoever wants in is shown to the authenticator; how that ends is counted, and told to the operator if it is no. */
import type { AuthExchange, Authenticator, Credentials, Identity, Refusal } from '../api/identity.ts';
import type { ClientLog } from './client-log.ts';

/** Since the start. */
export interface LoginStatistics {
  readonly succeeded: number;
  readonly failed: number;
  /** Had to wait because of failures before them. */
  readonly delayed: number;
}

export class Logins {
  succeeded = 0;
  failed = 0;
  private readonly authenticator: Authenticator;
  private readonly clientLog: ClientLog;

  constructor(authenticator: Authenticator, clientLog: ClientLog) {
    this.authenticator = authenticator;
    this.clientLog = clientLog;
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    this.authenticator.authenticate(credentials, (result) => {
      this.ended(credentials, result);
      done(result);
    });
  }

  /** Undefined: there is no such mechanism. */
  begin(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    const exchange = this.authenticator.begin?.(mechanism, credentials);
    if (exchange === undefined) {
      this.clientLog.refused(credentials.client, `there is no mechanism '${mechanism}'`);
      return undefined;
    }
    return {
      step: (data, done) =>
        exchange.step(data, (step) => {
          if (!('challenge' in step)) this.ended(credentials, step);
          done(step);
        }),
    };
  }

  private ended({ client }: Credentials, result: { readonly identity: Identity } | Identity | Refusal): void {
    if ('refused' in result) {
      this.failed++;
      this.clientLog.refused(client, result.reason);
    } else this.succeeded++;
  }
}
