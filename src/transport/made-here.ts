/**
 * Whether a request over HTTP that came from an address of this machine was made on it. Who may do more because he is here (`guest`,
 * clients without a name) is somebody at this machine: not the page of another site that is open in a browser here, not one whose name
 * has been pointed at this machine (DNS rebinding), and not somebody elsewhere for whom a proxy here asks.
 */
import { isIP } from 'node:net';

interface RequestHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly forwarded?: string | undefined;
  readonly 'x-forwarded-for'?: string | string[] | undefined;
}

/** @param listed the page that it says it comes from is one that the operator has named */
export function isMadeHere(headers: RequestHeaders, listed: boolean): boolean {
  const { host, origin, forwarded, 'x-forwarded-for': forwardedFor } = headers;
  if (forwarded !== undefined || forwardedFor !== undefined) return false;
  if (origin !== undefined && !listed && !isPageOfHere(origin)) return false;
  return host === undefined || isOwnName(`http://${host}`);
}

function isPageOfHere(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackName(new URL(origin).hostname);
}

/** An address, or a name that no stranger can have: names of the net have a dot in them. */
function isOwnName(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return isLoopbackName(hostname) || isIP(unbracketed(hostname)) !== 0 || !hostname.includes('.');
}

function isLoopbackName(hostname: string): boolean {
  const name = unbracketed(hostname);
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    (isIP(name) === 4 && name.startsWith('127.'))
  );
}

function unbracketed(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
