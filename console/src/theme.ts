/** Dark, light, or as the machine has it: remembered by the browser. */
import { createStore } from './store.ts';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'entrepot.theme';
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'dark', dark: 'light', light: 'auto' };

function kept(): Theme {
  const text = localStorage.getItem(KEY);
  return text === 'light' || text === 'dark' ? text : 'auto';
}

export const theme = createStore<Theme>(kept());

export function showTheme(): void {
  document.documentElement.dataset['theme'] = theme.get();
}

export function nextTheme(): void {
  theme.set(NEXT[theme.get()]);
  localStorage.setItem(KEY, theme.get());
  showTheme();
}
