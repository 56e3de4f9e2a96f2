/** The frame of every documentation page: one file, nothing fetched, its style and script pinned by hash. */
import { createHash } from 'node:crypto';
import { Html, html, htmlDocument, type HtmlValue } from '../html.ts';

const STYLE = `
:root{color-scheme:light dark;--text:light-dark(#1b1f24,#e6e8eb);--soft:light-dark(#57606a,#9aa4af);--line:light-dark(#d5dae0,#333b44);
--back:light-dark(#fff,#14181d);--raised:light-dark(#f5f7f9,#1c2229);--accent:light-dark(#0b57a4,#7ab8f5)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--accent)}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1rem 0 .25rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}
p.soft,.soft{color:var(--soft)}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--raised);border:1px solid var(--line);border-radius:.25rem;padding:.5rem;margin:.5rem 0;overflow-x:auto;overflow-wrap:normal}
details{border:1px solid var(--line);border-radius:.25rem;margin:.4rem 0;padding:0 .6rem}
details[open]{padding-bottom:.6rem}
summary{cursor:pointer;padding:.4rem 0}
summary:focus-visible,a:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.method{display:inline-block;min-width:4rem;font-weight:600;text-transform:uppercase}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;border-bottom:1px solid var(--line)}
:target{background:var(--raised)}
.line{display:flex;gap:.5rem;align-items:flex-start}.line pre{flex:1;min-width:0}
button{font:inherit;margin:.5rem 0;padding:.2rem .7rem;color:var(--text);background:var(--raised);border:1px solid var(--line);border-radius:.25rem;cursor:pointer}
@media(max-width:40rem){table,tbody,tr,th,td{display:block}thead{display:none}td{border:0;padding:.1rem 0}tr{border-bottom:1px solid var(--line);padding:.4rem 0}}
`;

/** Copy buttons, and links open what they lead to; the pages say everything without a script. */
const SCRIPT = `
for(const line of document.querySelectorAll('.line')){
const button=document.createElement('button');
button.type='button';button.textContent='Copy';
button.addEventListener('click',async()=>{
try{await navigator.clipboard.writeText(line.querySelector('pre').textContent);button.textContent='Copied'}
catch{button.textContent='Press Ctrl-C';getSelection().selectAllChildren(line.querySelector('pre'))}
});
line.append(button)}
const open=()=>document.getElementById(location.hash.slice(1))?.closest('details')?.setAttribute('open','');
addEventListener('hashchange',open);open();
`;

/** Written apart from the page: the hash covers every byte between the tags. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);

const pin = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Sent with every page: only the style and the script of this file may run, nothing may be fetched or embedded. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    `default-src 'none'; style-src ${pin(STYLE)}; script-src ${pin(SCRIPT)}; img-src data:; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
});

const LINKS: readonly (readonly [string, string])[] = [
  ['/docs', 'HTTP API'],
  ['/docs/mqtt', 'MQTT topics'],
  ['/docs/errors', 'Errors'],
  ['/docs/openapi.json', 'OpenAPI 3.1'],
  ['/docs/asyncapi.json', 'AsyncAPI 3'],
];

/** A shell line with a button that copies it. */
export const commandLine = (line: string): Html => html`<div class="line"><pre>${line}</pre></div>`;

export const jsonBlock = (value: unknown): Html => html`<pre>${JSON.stringify(value, null, 2)}</pre>`;

/** The whole document. */
export const page = (title: string, body: HtmlValue): string =>
  htmlDocument({
    title,
    style: STYLE_ELEMENT,
    body: html`<nav aria-label="Documents">${LINKS.map(([path, name]) => html`<a href="${path}">${name}</a> `)}</nav>
      <main>
        <h1>${title}</h1>
        ${body}
      </main>
      ${SCRIPT_ELEMENT}`,
  });
