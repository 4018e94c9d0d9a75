/**
 * What the broker knows of a protocol's properties: a number that is stored with each message, and how to read the bytes.
 */
import type { MessageView } from './message.ts';
import { NO_PROPERTIES, type Properties } from './properties.ts';

export interface Dialect {
  /** 1 to 255. It is written into the log, so it never changes: 1 to 15 belong to the adapters of this project. */
  readonly id: number;
  readonly name: string;
  /** Reads the property bytes `view.props[propsStart, propsEnd)` that this dialect's adapter once wrote. Must not throw. */
  decode(view: MessageView): Properties;
}

/** Looks a message's dialect up and reads its properties into the neutral form. */
export class Dialects {
  private readonly byId: (Dialect | undefined)[] = [];

  register(dialect: Dialect): void {
    const known = this.byId[dialect.id];
    if (known !== undefined && known !== dialect) {
      throw new Error(`dialect id ${dialect.id} is taken by ${known.name}, so ${dialect.name} cannot have it`);
    }
    this.byId[dialect.id] = dialect;
  }

  /** A message whose dialect is not installed any more has no properties. */
  properties(view: MessageView): Properties {
    if (view.propsEnd === view.propsStart) return NO_PROPERTIES;
    return this.byId[view.dialect]?.decode(view) ?? NO_PROPERTIES;
  }
}
