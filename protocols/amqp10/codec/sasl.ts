/** The frames of the SASL layer. [AMQP 1.0 §5.3] */
import * as descriptors from './descriptors.ts';
import { mandatory } from './faults.ts';
import type { FieldReader } from './field-reader.ts';
import { type AmqpValue, composite, symbol, symbolArray, ubyte } from './values.ts';

export const SASL_OK = 0;
/** The credentials are wrong. */
export const SASL_AUTH = 1;
/** It cannot be told now; trying again may help. */
export const SASL_SYSTEM_TEMPORARY = 4;

export interface SaslInit {
  readonly mechanism: string;
  readonly initialResponse?: Buffer | undefined;
  readonly hostname?: string | undefined;
}

export function readSaslInit(fields: FieldReader): SaslInit {
  fields.begin('sasl-init');
  const init: SaslInit = {
    mechanism: mandatory(fields.symbol('mechanism'), 'mechanism of sasl-init'),
    initialResponse: fields.binary('initial-response'),
    hostname: fields.string('hostname'),
  };
  fields.finish();
  return init;
}

export function readSaslResponse(fields: FieldReader): Buffer {
  fields.begin('sasl-response');
  const response = mandatory(fields.binary('response'), 'response of sasl-response');
  fields.finish();
  return response;
}

/** At least one mechanism. */
export function saslMechanismsValue(mechanisms: readonly string[]): AmqpValue {
  return composite(descriptors.SASL_MECHANISMS, [symbolArray(mechanisms)]);
}

export function saslInitValue(init: SaslInit): AmqpValue {
  return composite(descriptors.SASL_INIT, [
    symbol(init.mechanism),
    init.initialResponse === undefined ? null : { type: 'binary', value: init.initialResponse },
    init.hostname ?? null,
  ]);
}

export function saslChallengeValue(challenge: Buffer): AmqpValue {
  return composite(descriptors.SASL_CHALLENGE, [{ type: 'binary', value: challenge }]);
}

export function saslOutcomeValue(code: number, additional?: Buffer): AmqpValue {
  return composite(descriptors.SASL_OUTCOME, [
    ubyte(code),
    additional === undefined ? null : { type: 'binary', value: additional },
  ]);
}
