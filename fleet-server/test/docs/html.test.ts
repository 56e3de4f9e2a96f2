/** The template tag of the pages: whatever is put in stays text. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { html } from '../../src/html.ts';

const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

test('text comes out as text, in elements and in quoted attributes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", 'a', ';', '#', '\\', '$', '`') }),
      (text) => {
        const rendered = html`<p title="${text}">${[text]}</p>`.text;
        const [, attribute, content] = /^<p title="([^"<>']*)">([^"<>']*)<\/p>$/.exec(rendered) ?? [];
        expect([attribute, content].map((part) => unescape(part ?? ''))).toEqual([text, text]);
      },
    ),
  );
});

test('html inside html is not escaped twice, and nothing comes of false and undefined', () => {
  expect(html`<b>${html`<i>${1}</i>`}${false}${undefined}${[html`<u>2</u>`, 'x<']}</b>`.text).toBe(
    '<b><i>1</i><u>2</u>x&lt;</b>',
  );
});
