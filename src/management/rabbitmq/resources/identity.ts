/** Who asks, and how one logs in. */
import { json } from '../http/replies.ts';
import type { Resource } from '../http/resource.ts';

export const IDENTITY: readonly Resource[] = [
  {
    path: '/whoami',
    verbs: {
      GET: {
        tag: 'management',
        handle: ({ identity }) => json({ name: identity.user, tags: identity.tags ?? [] }),
      },
    },
  },
  {
    // Where the page would send one to log in: there is no such place.
    path: '/auth',
    verbs: {
      GET: {
        tag: 'anyone',
        handle: () => json({ enable_uaa: false, uaa_client_id: '', uaa_location: '' }),
      },
    },
  },
];
