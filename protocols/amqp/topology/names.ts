/** Names as declared: RabbitMQ takes line breaks out of the names of what is declared, bound and deleted; clients that send them rely on it. */
export function withoutLineBreaks(name: string): string {
  return name.includes('\n') || name.includes('\r') ? name.replace(/[\r\n]/g, '') : name;
}
