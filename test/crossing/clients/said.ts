/** A message's properties as names and texts, one character a byte (Latin-1), so that what is compared is bytes. */
export const WIRES = ['amqp', 'mqtt', 'stomp'] as const;
export type Wire = (typeof WIRES)[number];

/** Names and texts; a list where a name comes more than once, or a table field as its bytes (letter and value). */
export type Said = Readonly<Record<string, string | Buffer | readonly string[]>>;

export interface Seen {
  readonly address: string;
  readonly body: string;
  readonly properties: Record<string, string | string[]>;
}

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export function addTo(seen: Record<string, string | string[]>, name: string, value: string): void {
  const known = seen[name];
  if (known === undefined) seen[name] = value;
  else seen[name] = [...(Array.isArray(known) ? known : [known]), value];
}
