/**
 * Credentials out of a SASL response: PLAIN [RFC 4616], ANONYMOUS [RFC 4505], AMQPLAIN, which is AMQP's own [§2.2.4], and, for a
 * client that has shown a certificate, EXTERNAL [RFC 4422, appendix A].
 */
import type { Headers, Value } from '../../../../src/api/index.ts';
import { readTable } from '../../codec/table.ts';
import { AmqpError } from '../errors.ts';

/** As connection.start lists them. */
export const MECHANISMS = 'PLAIN AMQPLAIN ANONYMOUS';
/** The same for a client that has shown a certificate. */
export const MECHANISMS_BY_CERTIFICATE = `EXTERNAL ${MECHANISMS}`;

export interface Credentials {
  readonly mechanism: string;
  /** Undefined: the client does not say. */
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
  /** Of EXTERNAL: whom the client wants to be; '' for whom its certificate names. Undefined: another mechanism. */
  readonly external?: string;
}

/**
 * Undefined if the response is not what its mechanism demands.
 * @param certified the client has shown a certificate
 * @throws AmqpError COMMAND_INVALID for another mechanism
 */
export function credentialsOf(mechanism: string, response: Buffer, certified: boolean): Credentials | undefined {
  switch (mechanism) {
    case 'PLAIN': {
      // [RFC 4616] authorization identity, NUL, user, NUL, password
      const first = response.indexOf(0);
      const second = first < 0 ? -1 : response.indexOf(0, first + 1);
      if (second < 0) return undefined;
      return { mechanism, user: response.utf8Slice(first + 1, second), password: response.subarray(second + 1) };
    }
    case 'AMQPLAIN': {
      // A table without its length.
      let fields: Headers;
      try {
        fields = readTable(response, 0, response.length);
      } catch {
        return undefined;
      }
      const user = bytesOf(fields.find((field) => field.name === 'LOGIN')?.value);
      const password = bytesOf(fields.find((field) => field.name === 'PASSWORD')?.value);
      if (user === undefined || password === undefined) return undefined;
      return { mechanism, user: user.toString('utf8'), password };
    }
    case 'ANONYMOUS':
      // The response is a trace for the log, of no meaning.
      return { mechanism, user: undefined, password: undefined };
    case 'EXTERNAL':
      // [RFC 4422, appendix A] the response is the authorization identity
      if (certified) return { mechanism, user: undefined, password: undefined, external: response.toString('utf8') };
      break;
    default:
  }
  throw new AmqpError('COMMAND_INVALID', `unknown authentication mechanism '${mechanism}'`);
}

function bytesOf(value: Value | undefined): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  return typeof value === 'object' && value?.type === 'bytes' ? value.value : undefined;
}
