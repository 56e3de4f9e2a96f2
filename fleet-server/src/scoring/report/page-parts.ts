/** What reports share: their style and headers, moments, shifts and tables. */
import { createHash } from 'node:crypto';
import { Html, html, htmlDocument, type HtmlValue } from '../../html.ts';
import { shortNumber } from './plots.ts';

const STYLE = `
:root{color-scheme:light dark;--text:light-dark(#1b1f24,#e6e8eb);--soft:light-dark(#57606a,#9aa4af);--line:light-dark(#d5dae0,#333b44);
--back:light-dark(#fff,#14181d);--now:light-dark(#5b9bd5,#3f7fbb);--before:light-dark(#b3261e,#ff8a80);--bad:light-dark(#b3261e,#ff8a80)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1rem 0 .25rem}
.soft{color:var(--soft)}.bad{color:var(--bad);font-weight:600}
code{font:14px/1.45 ui-monospace,monospace}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}
svg{display:block;width:100%;max-width:40rem;margin:.3rem 0}svg.square{max-width:22rem}svg.bar{width:8rem;height:.7rem;margin:.4rem 0}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.now{fill:var(--now)}.before{fill:none;stroke:var(--before);stroke-width:1.5}.axis{stroke:var(--line)}.frame{fill:none;stroke:var(--line)}
.quiet{fill:none;stroke:var(--now);stroke-width:1.5}.alarmed{fill:var(--bad)}
.key{display:inline-block;width:.9rem;height:.7rem;background:var(--now)}.key.line{height:0;border-top:2px solid var(--before);background:none;vertical-align:middle}
section{break-inside:auto}h2,h3{break-after:avoid}svg,tr{break-inside:avoid}
@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:11pt}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
/** Written apart from the page: the hash covers every byte between the tags. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Sent with the page: its own style and nothing else. */
export const REPORT_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
});

/** By custom: below, stable; above, shifted. */
const [STABLE, SHIFTED] = [0.1, 0.25];

export const moment = (at: number | null): string =>
  at === null ? '–' : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

export const seconds = (ms: number): string => `${shortNumber(ms / 1_000)} s`;

export const shiftOf = (shift: number | undefined): HtmlValue => {
  if (shift === undefined) return 'too few to tell';
  const word = shift > SHIFTED ? 'shifted' : shift > STABLE ? 'moving' : 'stable';
  return html`<span class="${shift > SHIFTED ? 'bad' : ''}">${shift.toFixed(3)} ${word}</span>`;
};

export const table = (heads: readonly string[], rows: readonly (readonly HtmlValue[])[], numbersFrom = 1): Html => {
  const kind = (column: number): string => (column >= numbersFrom ? 'number' : '');
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${heads.map((head, i) => html`<th class="${kind(i)}" scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, i) => html`<td class="${kind(i)}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
};

/** The whole document. `about` says in a line of what it is the report. */
export const reportDocument = (title: string, about: Html, content: HtmlValue): string =>
  htmlDocument({
    title,
    style: STYLE_ELEMENT,
    body: html`<main>
      <h1>${title}</h1>
      <p class="soft">${about}</p>
      ${content}
    </main>`,
  });
