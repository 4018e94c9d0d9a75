/**
 * Logging in over HTTP: through the same door as every protocol, so that guessing is slowed down, `guest` has to be on this machine,
 * and refusals are in the operator's log. A bearer's token goes there as the password of a client that gives no name, as RabbitMQ has it:
 * a back end that knows tokens says who that is. The operator's token (`management/operator-token.ts`) is looked at here alone.
 */

import type { BrokerServices } from '../../../api/broker.ts';
import type { Identity } from '../../../api/identity.ts';
import { LOCAL_OPERATOR } from '../../../operator/local-operator.ts';
import type { Peer } from '../../../transport/peer.ts';
import { OperatorToken } from '../../operator-token.ts';
import { Failure } from './errors.ts';

const CHALLENGE = { 'www-authenticate': 'Basic realm="RabbitMQ Management"' };

interface Given {
  readonly user: string;
  readonly password: Buffer;
}

/** @throws Failure 401 where it gives none, or wrong ones; 400 for what cannot be read */
export async function login(
  broker: Pick<BrokerServices, 'authenticate' | 'reportMistake'>,
  peer: Peer,
  authorization: string | undefined,
  operatorToken?: OperatorToken,
): Promise<Identity> {
  if (authorization === undefined) throw new Failure(401, undefined, undefined, CHALLENGE);
  const { user, password } = given(authorization);
  const token = user === '' ? password.toString() : '';
  if (OperatorToken.looksLike(token)) {
    if (peer.loopback && operatorToken?.equals(token) === true) return LOCAL_OPERATOR;
    const { remote } = peer;
    broker.reportMistake(
      { remote, protocol: 'http' },
      "the operator's token is not this broker's, or not from this machine",
    );
    throw new Failure(401, 'not_authorized', 'Login failed', CHALLENGE);
  }
  const { address, port } = peer.remote;
  const credentials = { client: `http ${address}:${port}`, loopback: peer.loopback, address, user, password };
  return new Promise((resolve, reject) => {
    broker.authenticate(credentials, (result) => {
      if (!('refused' in result)) resolve(result);
      else if (result.refused === 'unavailable') reject(new Failure(503, 'unavailable', result.reason));
      else reject(new Failure(401, 'not_authorized', 'Login failed', CHALLENGE));
    });
  });
}

/** @throws Failure 400 */
function given(authorization: string): Given {
  const [scheme = '', text = ''] = authorization.split(/ +/, 2);
  if (/^bearer$/i.test(scheme) && text !== '') return { user: '', password: Buffer.from(text) };
  const decoded = Buffer.from(text, 'base64');
  const colon = decoded.indexOf(0x3a);
  if (!/^basic$/i.test(scheme) || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || colon < 0) throw new Failure(400);
  return { user: decoded.utf8Slice(0, colon), password: decoded.subarray(colon + 1) };
}
