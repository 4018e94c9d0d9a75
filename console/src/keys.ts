/** Keys that work everywhere: `/` goes to the search, `g` and a letter to a page, `?` says which there are. */
import { useEffect } from 'preact/hooks';
import type { PageEntry } from './pages.ts';
import { go, href } from './router.ts';
import { toast } from './ui/dialog.tsx';

const TOGETHER_MS = 1_500;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function useKeys(pages: readonly PageEntry[]): void {
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
        const search = document.querySelector<HTMLInputElement>('main input[type="search"]');
        if (search === null) return;
        event.preventDefault();
        search.focus();
        search.select();
      } else if (key === '?') {
        const ways = pages.filter((one) => one.key !== undefined).map((one) => `g ${one.key}: ${one.title}`);
        toast(['/: search', ...ways].join('   '));
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [pages]);
}
