/**
 * Logging in over HTTP: through the same door as every protocol, so that guessing is slowed down, `guest` has to be on this machine,
 * and refusals are in the operator's log. A bearer's token goes there as the password of a client that gives no name, as RabbitMQ has it:
 * a back end that knows tokens says who that is. The operator's token (`management/operator-token.ts`) is looked at here alone.
 */
import type { BrokerServices } from '../../api/broker.ts';
import type { Identity } from '../../api/identity.ts';
import { LOCAL_OPERATOR } from '../../operator/local-operator.ts';
import type { Peer } from '../../transport/peer.ts';
import { OperatorToken } from '../operator-token.ts';

/** Somebody who is not let in: each API says so in its own words. */
export class LoginRefused extends Error {
  /** `missing`: no login came; `unreadable`: what came is none; `unavailable`: who could say does not answer. */
  readonly because: 'missing' | 'unreadable' | 'wrong' | 'unavailable';

  constructor(because: LoginRefused['because'], message: string = because) {
    super(message);
    this.name = 'LoginRefused';
    this.because = because;
  }
}

interface Given {
  readonly user: string;
  readonly password: Buffer;
}

/** @throws LoginRefused */
export async function login(
  broker: Pick<BrokerServices, 'authenticate' | 'reportMistake'>,
  peer: Peer,
  authorization: string | undefined,
  operatorToken?: OperatorToken,
): Promise<Identity> {
  if (authorization === undefined) throw new LoginRefused('missing');
  const { user, password } = given(authorization);
  const token = user === '' ? password.toString() : '';
  if (OperatorToken.looksLike(token)) {
    if (peer.loopback && operatorToken?.equals(token) === true) return LOCAL_OPERATOR;
    const { remote } = peer;
    broker.reportMistake(
      { remote, protocol: 'http' },
      "the operator's token is not this broker's, or not from this machine",
    );
    throw new LoginRefused('wrong');
  }
  return loginOf(broker, peer, { user, password });
}

/** By a name and a password. @throws LoginRefused */
export async function loginOf(
  broker: Pick<BrokerServices, 'authenticate'>,
  peer: Peer,
  { user, password }: Given,
): Promise<Identity> {
  const { address, port } = peer.remote;
  const credentials = { client: `http ${address}:${port}`, loopback: peer.loopback, address, user, password };
  return new Promise((resolve, reject) => {
    broker.authenticate(credentials, (result) => {
      if (!('refused' in result)) resolve(result);
      else if (result.refused === 'unavailable') reject(new LoginRefused('unavailable', result.reason));
      else reject(new LoginRefused('wrong'));
    });
  });
}

/** @throws LoginRefused unreadable */
function given(authorization: string): Given {
  const [scheme = '', text = ''] = authorization.split(/ +/, 2);
  if (/^bearer$/i.test(scheme) && text !== '') return { user: '', password: Buffer.from(text) };
  const decoded = Buffer.from(text, 'base64');
  const colon = decoded.indexOf(0x3a);
  if (!/^basic$/i.test(scheme) || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || colon < 0) {
    throw new LoginRefused('unreadable');
  }
  return { user: decoded.utf8Slice(0, colon), password: decoded.subarray(colon + 1) };
}
