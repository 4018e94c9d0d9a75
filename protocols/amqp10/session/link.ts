/** A link, whichever way its messages go. */
import type { Attach, Role } from '../codec/performatives.ts';
import type { Flow } from '../codec/transfers.ts';

export interface Link {
  readonly name: string;
  /** The client's number for it, and the broker's. */
  readonly handle: number;
  /** The client's role. */
  readonly role: Role;
  /** As the client has attached it. */
  readonly attach: Attach;
  /** The client has been told that it is attached. */
  readonly answered: boolean;
  /** Tells the client so, once: what was made for it is safe. */
  answer(): void;
  /** The client has said how much it takes, or has, or asks for the same of the broker. */
  flow(flow: Flow): void;
  /** The socket, or the session's window, has room again. */
  wake(): void;
  /** Messages of which not all has come, in bytes. */
  readonly heldBytes: number;
  /**
   * It is no more: what the client holds of it goes back.
   * @param closed the client has done with it, rather than parted from it for a while
   */
  end(closed: boolean): void;
  /** The connection is gone, and the broker's session gives everything back: lets go of memory alone. */
  lost(): void;
}
