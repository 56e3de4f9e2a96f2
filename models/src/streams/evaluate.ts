/** What an expression is worth in each row of columns: bound once to the columns, then called row by row. */
import type { BinaryOperator, Expression, FunctionName, Scalar } from '@shoal/protocol/wire';
import type { Column, RecordColumns } from './record-columns.ts';

/** Whatever has columns by name. */
export type NamedColumns = Pick<RecordColumns, 'column'>;

/** A number that is none says nothing. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

const ARITHMETIC: Readonly<Partial<Record<BinaryOperator, (a: number, b: number) => number>>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

const ORDER: Readonly<Partial<Record<BinaryOperator, (a: number | string, b: number | string) => boolean>>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const NUMERIC: Readonly<Record<Exclude<FunctionName, 'coalesce'>, (...of: number[]) => number>> = {
  abs: Math.abs,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  floor: Math.floor,
  ceil: Math.ceil,
  round: Math.round,
  min: Math.min,
  max: Math.max,
  clamp: (value = 0, low = 0, high = 0) => Math.min(Math.max(value, low), high),
};

/**
 * Arithmetic over anything but numbers is null, and so is a result that is not finite. Comparisons of order hold between two
 * numbers or two texts and are false otherwise; `null` is no condition that holds.
 */
export const bind = (expression: Expression, columns: NamedColumns): Column => {
  switch (expression.op) {
    case 'constant': {
      const { value } = expression;
      return () => value;
    }
    case 'name':
      return columns.column(expression.name);
    case 'unary': {
      const of = bind(expression.of, columns);
      if (expression.operator === '!') return (row) => of(row) !== true;
      return (row) => {
        const value = of(row);
        return typeof value === 'number' ? -value : null;
      };
    }
    case 'choose': {
      const [when, yes, no] = [expression.when, expression.yes, expression.no].map((part) => bind(part, columns)) as [
        Column,
        Column,
        Column,
      ];
      return (row) => (when(row) === true ? yes(row) : no(row));
    }
    case 'binary':
      return bindBinary(expression.operator, bind(expression.left, columns), bind(expression.right, columns));
    case 'call':
      return bindCall(
        expression.name,
        expression.of.map((part) => bind(part, columns)),
      );
  }
};

const bindBinary = (operator: BinaryOperator, left: Column, right: Column): Column => {
  const arithmetic = ARITHMETIC[operator];
  if (arithmetic !== undefined) {
    return (row) => {
      const [a, b] = [left(row), right(row)];
      return typeof a === 'number' && typeof b === 'number' ? finite(arithmetic(a, b)) : null;
    };
  }
  const order = ORDER[operator];
  if (order !== undefined) {
    return (row) => {
      const [a, b] = [left(row), right(row)];
      const areNumbers = typeof a === 'number' && typeof b === 'number';
      return areNumbers || (typeof a === 'string' && typeof b === 'string') ? order(a, b) : false;
    };
  }
  if (operator === '&&') return (row) => left(row) === true && right(row) === true;
  if (operator === '||') return (row) => left(row) === true || right(row) === true;
  const wanted = operator === '==';
  return (row) => (left(row) === right(row)) === wanted;
};

const bindCall = (name: FunctionName, of: readonly Column[]): Column => {
  if (name === 'coalesce') {
    return (row) => {
      let value: Scalar = null;
      for (const part of of) {
        value = part(row);
        if (value !== null) break;
      }
      return value;
    };
  }
  const compute = NUMERIC[name];
  return (row) => {
    const values = of.map((part) => part(row));
    return values.every((value) => typeof value === 'number') ? finite(compute(...values)) : null;
  };
};
