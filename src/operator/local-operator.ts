/** Who administers a broker from its own machine, without being a user of it: whoever could read its operator's token. */
import type { Identity } from '../api/identity.ts';

/** Known by being this very object, so that no user can be it, whatever he is called. */
export const LOCAL_OPERATOR: Identity = { user: 'operator on this machine', tags: ['administrator'] };
