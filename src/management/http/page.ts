/** Pages on which people read what an API has: made whole, with no script and nothing from elsewhere. */
import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, .verb { font-family: ui-monospace, monospace; }
.verb { display: inline-block; min-width: 4.5rem; font-weight: 700; }
article { border-top: 1px solid #8884; padding: .75rem 0; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0; }
.asks { opacity: .7; }
`;

/** Nothing is fetched, run or framed; the one style is the page's own. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @param title text @param body markup */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`;
}

export function pageResponse(written: string): Response {
  return new Response(written, {
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY },
  });
}

/** As text between tags, or in a quoted attribute. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
