/**
 * Who is signed in. The login lies in this tab's session storage, so that loading the page again asks for nothing, and is gone with the tab, with
 * signing out, and after half an hour in which nobody touched the page.
 */
import { createStore } from '../store.ts';

export interface Login {
  /** As the broker calls the user. */
  readonly name: string;
  /** `administrator`, `monitoring`, `policymaker`, `management`. */
  readonly tags: readonly string[];
  /** The header that says so, of each request. */
  readonly authorization: string;
}

/** Why the sign-in page is shown, in words; empty: nobody has signed in yet. */
export const signedOutBecause = createStore('');
export const session = createStore<Login | undefined>(undefined);

const KEY = 'entrepot.login';
export const IDLE_MS = 30 * 60_000;
const LOOKED_AT_MS = 5_000;

/** UTF-8 in base64, as `Basic` wants it. */
export function basic(name: string, password: string): string {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`;
}

export function signIn(login: Login): void {
  sessionStorage.setItem(KEY, JSON.stringify(login));
  signedOutBecause.set('');
  session.set(login);
}

export function signOut(because = ''): void {
  sessionStorage.removeItem(KEY);
  signedOutBecause.set(because);
  session.set(undefined);
}

/** Takes up what this tab was signed in with, if it was. */
export function resumeSession(): void {
  const kept = sessionStorage.getItem(KEY);
  if (kept !== null) session.set(JSON.parse(kept) as Login);
}

/** Signs out when nobody has touched the page for long. */
export function watchIdle(): void {
  let touchedMs = performance.now();
  for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    addEventListener(kind, () => (touchedMs = performance.now()), { capture: true, passive: true });
  }
  setInterval(() => {
    if (session.get() !== undefined && performance.now() - touchedMs > IDLE_MS) {
      signOut('You were signed out, for nothing was done here for half an hour.');
    }
  }, LOOKED_AT_MS);
}

/** Whether the user has one of these tags, or the one that includes all. */
export function hasTag(login: Login | undefined, ...tags: readonly string[]): boolean {
  return login !== undefined && (login.tags.includes('administrator') || tags.some((tag) => login.tags.includes(tag)));
}
