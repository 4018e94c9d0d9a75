/** The frame of every page: sign-in, the way around, keys, and the page itself. */
import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { hasTag, type Login, session, signOut } from './api/session.ts';
import { useKeys } from './keys.ts';
import { GROUPS, PAGES, type PageEntry, type PageProps } from './pages.ts';
import { go, href, usePlace } from './router.ts';
import { SearchDialog } from './search.tsx';
import { SignIn } from './sign-in.tsx';
import { useStore } from './store.ts';
import { nextTheme, theme } from './theme.ts';
import { Button, Empty, PageHead, Waiting } from './ui/basics.tsx';
import { Toasts } from './ui/dialog.tsx';

export function App() {
  const login = useStore(session);
  return (
    <>
      {login === undefined ? <SignIn /> : <Frame login={login} />}
      <Toasts />
    </>
  );
}

const mayOpen = (login: Login, { tags }: PageEntry): boolean => tags === undefined || hasTag(login, ...tags);

function Frame({ login }: { login: Login }) {
  const { path } = usePlace();
  const [open, setOpen] = useState(false);
  const word = path[0] ?? 'overview';
  const page = PAGES.find((one) => one.word === word);
  const offeredPages = PAGES.filter((one) => mayOpen(login, one));
  const [searching, setSearching] = useState(false);
  useKeys(offeredPages, () => setSearching(true));
  // With each step the menu closes and the reader begins at the top
  useEffect(() => {
    setOpen(false);
    scrollTo(0, 0);
  }, [path.join('/')]);
  return (
    <div class={`frame ${open ? 'menu-open' : ''}`}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')!.focus()}>
        To the content
      </button>
      <header class="top">
        <button
          type="button"
          class="quiet burger"
          aria-label="Menu"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          ☰
        </button>
        <a class="brand" href={href()}>
          Entrepot
        </a>
        <span class="grow" />
        <button type="button" class="quiet search-open" onClick={() => setSearching(true)}>
          Find <kbd>/</kbd>
        </button>
        <ThemeButton />
        <span class="who" title={login.tags.join(', ') || 'no tags'}>
          {login.name}
        </span>
        <Button kind="quiet" onClick={() => signOut()}>
          Sign out
        </Button>
      </header>
      <nav class="side" aria-label="Pages">
        {GROUPS.map(({ title, pages }) => {
          const offered = pages.filter((one) => mayOpen(login, one));
          if (offered.length === 0) return null;
          return (
            <div key={title}>
              {title !== '' && <h2>{title}</h2>}
              {offered.map((one) => (
                <a key={one.word} href={href(one.word)} aria-current={one.word === word ? 'page' : undefined}>
                  {one.title}
                  {one.key !== undefined && <kbd>g {one.key}</kbd>}
                </a>
              ))}
            </div>
          );
        })}
      </nav>
      <main id="main" tabIndex={-1}>
        <Shield key={path.join('/')}>
          {page === undefined ? (
            <>
              <PageHead title="Nothing here" />
              <Empty>
                There is no page «{word}». <a href={href()}>To the overview</a>
              </Empty>
            </>
          ) : mayOpen(login, page) ? (
            <Loaded key={page.word} page={page} rest={path.slice(1)} />
          ) : (
            <>
              <PageHead title={page.title} />
              <Empty>This page is for users with the tag {page.tags!.join(' or ')}.</Empty>
            </>
          )}
        </Shield>
      </main>
      {searching && <SearchDialog pages={offeredPages} onClose={() => setSearching(false)} />}
    </div>
  );
}

const THEME_SIGNS = { auto: '◐', dark: '●', light: '○' } as const;

function ThemeButton() {
  const now = useStore(theme);
  return (
    <Button kind="quiet" label={`Colours: ${now}`} title={`Colours: ${now}`} onClick={nextTheme}>
      {THEME_SIGNS[now]}
    </Button>
  );
}

const loaded = new Map<string, ComponentType<PageProps>>();

function Loaded({ page, rest }: { page: PageEntry; rest: readonly string[] }) {
  const [shown, setShown] = useState<{ of?: ComponentType<PageProps>; failed?: boolean }>(() => {
    const of = loaded.get(page.word);
    return of === undefined ? {} : { of };
  });
  useEffect(() => {
    if (shown.of !== undefined) return;
    page.load().then(
      ({ default: of }) => {
        loaded.set(page.word, of);
        setShown({ of });
      },
      () => setShown({ failed: true }),
    );
  }, [page]);
  if (shown.failed === true) {
    return (
      <>
        <PageHead title={page.title} />
        <Empty>
          This page could not be loaded: the broker is away, or is a newer one now.{' '}
          <Button onClick={() => location.reload()}>Load the console again</Button>
        </Empty>
      </>
    );
  }
  const Page = shown.of;
  return Page === undefined ? <Waiting lines={8} /> : <Page rest={rest} />;
}

/** A fault of one page is told there, and spoils nothing else. */
class Shield extends Component<{ children: ComponentChildren }, { error?: Error }> {
  override state: { error?: Error } = {};

  override componentDidCatch(error: Error): void {
    console.error(error);
    this.setState({ error });
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <>
        <PageHead title="A fault of this page" />
        <p class="trouble" role="alert">
          {error.message}
        </p>
        <Button onClick={() => go(href())}>To the overview</Button>
      </>
    );
  }
}
