/** The cells of the table: what can be tried in a protocol, and what becomes of it. */
import type { Rules } from '../harness.ts';

export const OPERATIONS = [
  'enter',
  'publish',
  'consume',
  'browse',
  'declare',
  'passive declare',
  'bind',
  'bind exchanges',
  'delete',
  'purge',
  'will',
  'retained',
  'share',
  'dead-letter',
  'alternate exchange',
  'reply-to',
  'transaction',
  'delay',
  'half message',
  'taken once',
  'schedule',
  'several destinations',
  'virtual topic',
  'move',
  'copy',
  'redrive',
  'looked into',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export const PROTOCOLS = ['amqp', 'mqtt 3.1.1', 'mqtt 5', 'stomp', 'redis', 'http'] as const;

/** What operators do, and clients have no words for. */
export const ONLY_HTTP = {
  move: 'is asked for over HTTP',
  copy: 'is asked for over HTTP',
  redrive: 'is asked for over HTTP',
  'looked into': 'is asked for over HTTP',
} as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What came of an attempt: DONE, or how its client was told that it may not, in its protocol's form. */
export type Answer = string;
export const DONE = 'done';

/** One thing to do. */
export interface Cell<C> {
  /** What the user may do where it is refused; several: each of them alone refuses it, one for each thing that is asked. */
  readonly denied: Rules | readonly Rules[];
  /** There is no client before: it is what is attempted. */
  readonly comes?: true;
  /** Does it as user `u`, whose client this is. More than once with the same client, unless it was refused. */
  attempt(client: C): Promise<Answer>;
  /** How it is refused, where that is not the protocol's usual form. */
  readonly refused?: Answer;
  /**
   * Begins what lasts, and returns who goes on, or waits until the client hears that it is over, once it is taken away. Left out: it is
   * attempted again by the same client.
   */
  begin?(client: C): Promise<() => Promise<Answer>>;
  /** How that ends, where it is another form than a refusal. */
  readonly over?: Answer;
}

/** One client of user `u` that tries. */
export interface Trial {
  attempt(): Promise<Answer>;
  begin?(): Promise<() => Promise<Answer>>;
  leave(): Promise<void>;
}

export interface BoundCell {
  readonly denied: readonly Rules[];
  readonly refused: Answer;
  readonly over: Answer;
  open(): Promise<Trial>;
}

/** What a protocol can do, and what it has no such thing of. */
export interface Side {
  readonly cells: Partial<Record<Operation, BoundCell>>;
  readonly none: Partial<Record<Operation, string>>;
}

export interface SideOptions<C> {
  /** The usual form of a refusal. */
  readonly refused: Answer;
  /** A client of user `u`. */
  connect(): Promise<C>;
  leave(client: C): Promise<void> | void;
  readonly cells: Partial<Record<Operation, Cell<C>>>;
  /** What there is no such thing of, and why. */
  readonly none: Partial<Record<Operation, string>>;
}

export function sideOf<C>({ refused: usual, connect, leave, cells, none }: SideOptions<C>): Side {
  const bound = Object.entries(cells).map(([operation, cell]) => {
    const { denied, refused = usual, over = refused } = cell;
    const open = async (): Promise<Trial> => {
      const client = cell.comes === true ? undefined : await connect();
      return {
        attempt: () => cell.attempt(client as C),
        ...(cell.begin !== undefined && { begin: () => cell.begin!(client as C) }),
        leave: async () => {
          if (client !== undefined) await leave(client);
        },
      };
    };
    return [operation, { denied: [denied].flat(), refused, over, open } satisfies BoundCell];
  });
  return { cells: Object.fromEntries(bound), none };
}
