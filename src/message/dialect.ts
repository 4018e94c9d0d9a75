/**
 * A dialect: what the broker knows of a protocol's properties, a number that is stored with each message, and how to read the bytes.
 */
import type { ByteRange } from './bytes.ts';
import { type Annotations, decodeAnnotations } from './deaths/annotations.ts';
import { withDeaths } from './deaths/death-headers.ts';
import { EXPIRATION_MAX_MS } from './expiration.ts';
import type { MessageView } from './message.ts';
import { type Headers, NO_PROPERTIES, type Properties, type Value } from './properties.ts';

export interface Dialect {
  /** 1 to 255. It is written into the log, so it never changes: 1 to 15 belong to the adapters of this project. */
  readonly id: number;
  readonly name: string;
  /**
   * Reads the property bytes `view.props[propsStart, propsEnd)` that this dialect's adapter once wrote. Must not throw. When
   * the message expires is not read: the broker knows.
   */
  decode(view: MessageView): Properties;
  /**
   * All headers as they were sent, where `decode` takes some of them for other properties. Must not throw. Default: those that
   * it leaves.
   */
  sent?(view: MessageView, decoded: Properties): Headers;
  /**
   * The first header of this name (ASCII), as it was sent, without reading the others; undefined: there is none. Must not throw.
   * Default: it is looked for among all.
   */
  header?(view: MessageView, name: string): Value | undefined;
  /** `messageId` alone. Must not throw. Default: `decode` is asked. */
  messageId?(view: MessageView): string | undefined;
  /**
   * Where the bytes of `messageId` lie in `view.props`, if they are those of its text (`bytesOf`). False: there is none, or it is not
   * kept so. Must not throw. Default: false.
   */
  messageIdAt?(view: MessageView, range: ByteRange): boolean;
  /** The same of `header`, where it is a text. */
  headerTextAt?(view: MessageView, name: string, range: ByteRange): boolean;
  /** `groupId` alone. Must not throw. Default: `decode` is asked. */
  groupId?(view: MessageView): string | undefined;
}

/** Looks a message's dialect up and reads its properties into the neutral form. */
export class Dialects {
  private readonly byId: (Dialect | undefined)[] = [];
  private readonly nowMs: () => number;

  /** @param nowMs milliseconds since the epoch */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  register(dialect: Dialect): void {
    const known = this.byId[dialect.id];
    if (known !== undefined && known !== dialect) {
      throw new Error(`dialect id ${dialect.id} is taken by ${known.name}, so ${dialect.name} cannot have it`);
    }
    this.byId[dialect.id] = dialect;
  }

  /** A message whose dialect is not installed any more has no properties. */
  properties(view: MessageView): Properties {
    const properties = view.propsEnd === view.propsStart ? undefined : this.byId[view.dialect]?.decode(view);
    const expiryMs = this.timeLeftMs(view);
    if (expiryMs === undefined) return properties ?? NO_PROPERTIES;
    return { ...(properties ?? NO_PROPERTIES), expiryMs };
  }

  /** As routing and selectors look at a message: all headers that its publisher sent, and what the broker itself shows. */
  matchProperties(view: MessageView): Properties {
    const properties = this.properties(view);
    const headers = this.byId[view.dialect]?.sent?.(view, properties) ?? properties.headers;
    const all = headers === properties.headers ? properties : { ...properties, headers };
    const said = annotationsOf(view);
    return said === undefined ? all : withDeaths(all, said);
  }

  /** One header as its publisher sent it; undefined: there is none. */
  header(view: MessageView, name: string): Value | undefined {
    const dialect = this.byId[view.dialect];
    if (dialect === undefined) return undefined;
    if (dialect.header !== undefined) return dialect.header(view, name);
    const decoded = dialect.decode(view);
    const headers = dialect.sent?.(view, decoded) ?? decoded.headers;
    return headers.find((header) => header.name === name)?.value;
  }

  messageId(view: MessageView): string | undefined {
    const dialect = this.byId[view.dialect];
    if (dialect?.messageId !== undefined) return dialect.messageId(view);
    return dialect?.decode(view).messageId;
  }

  /** Where its message id lies in `view.props`; false: ask `messageId`. */
  messageIdAt(view: MessageView, range: ByteRange): boolean {
    return this.byId[view.dialect]?.messageIdAt?.(view, range) ?? false;
  }

  /** Where the text of this header lies in `view.props`; false: ask `header`. */
  headerTextAt(view: MessageView, name: string, range: ByteRange): boolean {
    return this.byId[view.dialect]?.headerTextAt?.(view, name, range) ?? false;
  }

  /** The group it belongs to, as `Properties.groupId`. */
  groupId(view: MessageView): string | undefined {
    const dialect = this.byId[view.dialect];
    if (dialect?.groupId !== undefined) return dialect.groupId(view);
    return dialect?.decode(view).groupId;
  }

  /** Milliseconds until the message expires, 0 if it is over, EXPIRATION_MAX_MS for longer; undefined if it never does. */
  timeLeftMs(view: MessageView): number | undefined {
    if (view.expiresAtMs === 0) return undefined;
    return Math.min(EXPIRATION_MAX_MS, Math.max(0, view.expiresAtMs - this.nowMs()));
  }
}

function annotationsOf(view: MessageView): Annotations | undefined {
  if (view.notesStart === view.notesEnd) return undefined;
  try {
    return decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
  } catch {
    // Damage: what its publisher has said is left.
    return undefined;
  }
}
