/** Network addresses: in plain form, as text, and whether they are of this machine. */
import type { Endpoint } from '../api/endpoint.ts';

const MAPPED = '::ffff:';

/** An IPv4 address that arrived on an IPv6 socket (`::ffff:10.0.0.1`) in its own form. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** Whether an address, as the operating system reports it, is of this machine alone: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string | undefined): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

/** `127.0.0.1:5672`, `[::1]:5672`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.address.includes(':')
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
