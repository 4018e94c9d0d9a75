/** Keys that work everywhere: `/` searches everything, `f` goes to the search of the list at hand, `g` and a letter to a page, `?` says which there are. */
import { useEffect, useRef } from 'preact/hooks';
import type { PageEntry } from './pages.ts';
import { go, href } from './router.ts';
import { toast } from './ui/dialog.tsx';

const TOGETHER_MS = 1_500;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function useKeys(pages: readonly PageEntry[], search: () => void): void {
  // What is drawn between two keys does not make them forgotten.
  const now = useRef({ pages, search });
  now.current = { pages, search };
  useEffect(() => {
    let goPressedMs = Number.NEGATIVE_INFINITY;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      if (document.querySelector('dialog[open]') !== null) return;
      const { key } = event;
      const { pages, search } = now.current;
      if (performance.now() - goPressedMs < TOGETHER_MS) {
        goPressedMs = Number.NEGATIVE_INFINITY;
        const page = pages.find((one) => one.key === key);
        if (page !== undefined) {
          event.preventDefault();
          go(href(page.word));
        }
      } else if (key === 'g') {
        goPressedMs = performance.now();
      } else if (key === '/') {
        event.preventDefault();
        search();
      } else if (key === 'f') {
        const field = document.querySelector<HTMLInputElement>('main input[type="search"]');
        if (field === null) return;
        event.preventDefault();
        field.focus();
        field.select();
      } else if (key === '?') {
        const ways = pages.filter((one) => one.key !== undefined).map((one) => `g ${one.key}: ${one.title}`);
        toast(['/: search everything', 'f: search this list', ...ways].join('   '));
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}
