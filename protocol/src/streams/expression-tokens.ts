/** Cuts the text of an expression into tokens. */

export type Token =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'string' | 'name' | 'symbol'; readonly value: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number };

/** A text that is no expression; `message` says what is wrong and where. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
  constructor(sentence: string, at: number) {
    super(`${sentence} at character ${at + 1}`);
  }
}

const PATTERNS = [
  ['space', /\s+/y],
  ['number', /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
  ['name', /\$?[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*/uy],
  ['quoted-name', /`[^`\n]{1,64}`/y],
  ['string', /'[^'\n]*'|"[^"\n]*"/y],
  ['symbol', /\|\||&&|==|!=|<=|>=|[-+*/%<>!?:(),]/y],
] as const;

/** @throws ExpressionFault */
export const tokensOf = (text: string): Token[] => {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const found = match(text, at);
    if (found === undefined) throw new ExpressionFault(`"${text.slice(at, at + 1)}" means nothing`, at);
    const { kind, word } = found;
    if (kind === 'number') tokens.push({ kind, value: Number(word), at });
    else if (kind === 'quoted-name') tokens.push({ kind: 'name', value: word.slice(1, -1), at });
    else if (kind === 'string') tokens.push({ kind, value: word.slice(1, -1), at });
    else if (kind !== 'space') tokens.push({ kind, value: word, at });
    at += word.length;
  }
  tokens.push({ kind: 'end', at });
  return tokens;
};

const match = (text: string, at: number): { kind: (typeof PATTERNS)[number][0]; word: string } | undefined => {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const word = pattern.exec(text)?.[0];
    if (word !== undefined) return { kind, word };
  }
  return undefined;
};
