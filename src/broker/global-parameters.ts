/** Global parameters: facts of the whole broker that operators keep in it, values of JSON by name, such as `cluster_name`. */
import { BrokerError } from '../message/errors.ts';
import type { BrokerState } from './state.ts';

const PREFIX = 'global-parameter:';
const PARAMETERS_MAX = 1_000;
const NAME_CHARS_MAX = 255;
const VALUE_CHARS_MAX = 64 * 1024;

export class GlobalParameters {
  private readonly state: BrokerState;

  constructor(state: BrokerState) {
    this.state = state;
  }

  /** In their order. */
  names(): string[] {
    return this.state
      .keys(PREFIX)
      .map((key) => key.slice(PREFIX.length))
      .sort();
  }

  /** Undefined: there is none. */
  get(name: string): unknown {
    const value = this.state.get(PREFIX + name);
    return value === undefined ? undefined : JSON.parse(value.toString());
  }

  /** Safe when the promise is resolved. @throws BrokerError invalid, not-allowed (too many), unavailable */
  async put(name: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (name === '' || name.length > NAME_CHARS_MAX || text === undefined || text.length > VALUE_CHARS_MAX) {
      throw new BrokerError(
        'invalid',
        `a global parameter has a name of 1 to ${NAME_CHARS_MAX} characters and a value of ${VALUE_CHARS_MAX} at most`,
      );
    }
    await this.state.opened();
    if (this.state.get(PREFIX + name) === undefined && this.names().length >= PARAMETERS_MAX) {
      throw new BrokerError('not-allowed', `there are ${PARAMETERS_MAX} global parameters already`);
    }
    this.state.unit(() => this.state.put(PREFIX + name, Buffer.from(text)));
    await this.state.safe();
  }

  /** False: there was none. @throws BrokerError unavailable */
  async delete(name: string): Promise<boolean> {
    if (this.state.get(PREFIX + name) === undefined) return false;
    await this.state.opened();
    this.state.unit(() => this.state.delete(PREFIX + name));
    await this.state.safe();
    return true;
  }
}
