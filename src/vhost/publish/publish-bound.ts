/** A bound on what waits, as the publish pipeline asks about it. */
import type { CopyOwner } from '../../queue/store/owned-copies.ts';

export interface PublishBound {
  /** Whose copies what is published now makes; null: nobody's. */
  readonly owner: CopyOwner | null;
  /** Nothing more may be added. */
  readonly full: boolean;
  /** A message was not taken for that. */
  refused(): void;
}
