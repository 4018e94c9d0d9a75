/** Who asks, and how one logs in. */
import { json } from '../http/replies.ts';
import type { Resource } from '../http/resource.ts';
import { missingTag } from '../http/tags.ts';

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
  {
    // RabbitMQ's page logs in by a form, and keeps name and password in a cookie of its own scripts; no request is let in by that cookie,
    // there or here, so there is none here.
    path: '/login',
    verbs: {
      POST: {
        tag: 'anyone',
        handle: async (request) => {
          const form = new URLSearchParams(await request.text());
          const { tags } = await request.logIn(form.get('username') ?? '', form.get('password') ?? '');
          const missing = missingTag(tags, 'management');
          if (missing !== undefined) throw missing;
          return json('ok');
        },
      },
    },
  },
];
