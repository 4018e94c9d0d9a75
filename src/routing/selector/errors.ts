/** The error of a selector that cannot be read: what is wrong, and where. */
import { BrokerError } from '../../message/errors.ts';

export class SelectorError extends BrokerError {
  /** Where it went wrong: UTF-16 code units from the start of the expression, from 1. */
  readonly position: number;

  /** @param what a clause without a full stop, as `')' is missing` */
  constructor(position: number, what: string) {
    super('invalid', `invalid selector: ${what}, at character ${position}`);
    this.name = 'SelectorError';
    this.position = position;
  }
}
