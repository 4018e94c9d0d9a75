/** Where a message would go, where one went, and what was dropped. */
import { hasTag, session } from '../api/session.ts';
import type { PageProps } from '../pages.ts';
import { hrefWith, usePlace } from '../router.ts';
import { useStore } from '../store.ts';
import '../style/messages.css';
import { Empty, PageHead } from '../ui/basics.tsx';
import { Dropped } from './trace-dropped.tsx';
import { PassportOf } from './trace-passport.tsx';
import { RouteOf } from './trace-route.tsx';

const TABS = [
  ['', 'Where it would go'],
  ['passport', 'Where one went'],
  ['dropped', 'What was dropped'],
] as const;

export default function TracePage({ rest }: PageProps) {
  const { query } = usePlace();
  const login = useStore(session);
  const tab = query['tab'] ?? '';
  const vhost = rest[0] ?? '/';
  return (
    <>
      <PageHead title="Route and trace" sub="Nothing is published or changed here" />
      <nav class="tab-row" aria-label="Kinds of questions">
        {TABS.map(([key, title]) => (
          <a key={key} href={hrefWith(['trace', vhost], { tab: key })} aria-current={key === tab ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {tab === '' ? (
        <RouteOf vhost={vhost} />
      ) : !hasTag(login, 'monitoring') ? (
        <Empty>This is for users with the tag monitoring.</Empty>
      ) : tab === 'passport' ? (
        <PassportOf vhost={vhost} />
      ) : (
        <Dropped vhost={vhost} />
      )}
    </>
  );
}
