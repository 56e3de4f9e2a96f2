/**
 * The small language in which a stream filters records and derives values: arithmetic, comparisons, a choice and a few
 * functions over the named values of one record. No loops and no calls of anything else, so its cost is its size.
 */
import { ExpressionFault, tokensOf, type Token } from './expression-tokens.ts';

export const UNARY_OPERATORS = ['-', '!'] as const;
export type UnaryOperator = (typeof UNARY_OPERATORS)[number];

/** How tightly they bind; all lean to the left. */
const BINDING = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
} as const;
export type BinaryOperator = keyof typeof BINDING;
const UNARY_BINDING = 7;

/** Least and most arguments. */
const FUNCTIONS = {
  abs: [1, 1],
  sqrt: [1, 1],
  exp: [1, 1],
  log: [1, 1],
  floor: [1, 1],
  ceil: [1, 1],
  round: [1, 1],
  min: [2, 8],
  max: [2, 8],
  clamp: [3, 3],
  coalesce: [2, 8],
} as const;
export type FunctionName = keyof typeof FUNCTIONS;

const CONSTANTS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

/** What an expression or a part of it is worth. `null` is: there is no value. */
export type Scalar = number | string | boolean | null;

export type Expression =
  | { readonly op: 'constant'; readonly value: Scalar }
  /** A named value of the record, or with `$` a fact about it. */
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'unary'; readonly operator: UnaryOperator; readonly of: Expression }
  | { readonly op: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'choose'; readonly when: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly op: 'call'; readonly name: FunctionName; readonly of: readonly Expression[] };

export const EXPRESSION_BOUNDS = { characters: 512, nodes: 128, depth: 24 } as const;

const isFunction = (name: string): name is FunctionName => Object.hasOwn(FUNCTIONS, name);
const isBinary = (symbol: string): symbol is BinaryOperator => Object.hasOwn(BINDING, symbol);

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #nodes = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#choice();
    if (this.#peek().kind !== 'end') throw this.#unexpected();
    return expression;
  }

  /** `when ? yes : no`, leaning to the right. */
  #choice(): Expression {
    this.#depth += 1;
    if (this.#depth > EXPRESSION_BOUNDS.depth) throw this.#fault(`nesting over ${EXPRESSION_BOUNDS.depth}`);
    const when = this.#binary(0);
    let expression = when;
    if (this.#takes('?')) {
      const yes = this.#choice();
      this.#expect(':');
      expression = this.#node({ op: 'choose', when, yes, no: this.#choice() });
    }
    this.#depth -= 1;
    return expression;
  }

  /** Operators that bind more tightly than `binding`. */
  #binary(binding: number): Expression {
    let left = this.#unary();
    for (;;) {
      const token = this.#peek();
      if (token.kind !== 'symbol' || !isBinary(token.value) || BINDING[token.value] <= binding) return left;
      this.#next += 1;
      left = this.#node({ op: 'binary', operator: token.value, left, right: this.#binary(BINDING[token.value]) });
    }
  }

  #unary(): Expression {
    const operator = UNARY_OPERATORS.find((candidate) => this.#takes(candidate));
    if (operator === undefined) return this.#operand();
    this.#depth += 1;
    if (this.#depth > EXPRESSION_BOUNDS.depth) throw this.#fault(`nesting over ${EXPRESSION_BOUNDS.depth}`);
    const of = this.#binary(UNARY_BINDING);
    this.#depth -= 1;
    return this.#node({ op: 'unary', operator, of });
  }

  #operand(): Expression {
    const token = this.#peek();
    if (token.kind === 'end') throw this.#fault('the expression ends too early');
    this.#next += 1;
    if (token.kind === 'number' || token.kind === 'string') return this.#node({ op: 'constant', value: token.value });
    if (token.kind === 'name') return this.#named(token.value);
    if (token.value !== '(') {
      this.#next -= 1;
      throw this.#unexpected();
    }
    const inner = this.#choice();
    this.#expect(')');
    return inner;
  }

  #named(name: string): Expression {
    if (this.#takes('(')) return this.#call(name);
    if (Object.hasOwn(CONSTANTS, name)) return this.#node({ op: 'constant', value: CONSTANTS[name] ?? null });
    return this.#node({ op: 'name', name });
  }

  #call(name: string): Expression {
    if (!isFunction(name)) {
      throw this.#fault(`there is no function ${name}; there are ${Object.keys(FUNCTIONS).join(', ')}`);
    }
    const of: Expression[] = [];
    do of.push(this.#choice());
    while (this.#takes(','));
    this.#expect(')');
    const [least, most] = FUNCTIONS[name];
    if (of.length < least || of.length > most) throw this.#fault(`${name} takes ${least} to ${most} arguments`);
    return this.#node({ op: 'call', name, of });
  }

  #node(expression: Expression): Expression {
    this.#nodes += 1;
    if (this.#nodes > EXPRESSION_BOUNDS.nodes) throw this.#fault(`more than ${EXPRESSION_BOUNDS.nodes} parts`);
    return expression;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', at: 0 };
  }

  #takes(symbol: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'symbol' || token.value !== symbol) return false;
    this.#next += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#takes(symbol)) throw this.#fault(`"${symbol}" is missing`);
  }

  #unexpected(): ExpressionFault {
    const token = this.#peek();
    return this.#fault(`"${token.kind === 'end' ? '' : String(token.value)}" does not belong here`);
  }

  #fault(sentence: string): ExpressionFault {
    return new ExpressionFault(sentence, this.#peek().at);
  }
}

/** @throws ExpressionFault with a sentence and the place */
export const parseExpression = (text: string): Expression => {
  if (text.length > EXPRESSION_BOUNDS.characters) {
    throw new ExpressionFault(`more than ${EXPRESSION_BOUNDS.characters} characters`, EXPRESSION_BOUNDS.characters);
  }
  return new Parser(tokensOf(text)).whole();
};

/** What is wrong with it, or null. */
export const expressionFault = (text: string): string | null => {
  try {
    parseExpression(text);
    return null;
  } catch (error) {
    if (error instanceof ExpressionFault) return error.message;
    throw error;
  }
};
