/** The parts that wait for an instance, most urgent first. */
import type { RequestPart, ScheduledRequest } from './scheduled-request.ts';

const isBefore = (one: RequestPart, other: RequestPart): boolean => {
  if (one.rank !== other.rank) return one.rank < other.rank;
  if (one.request.sequence !== other.request.sequence) return one.request.sequence < other.request.sequence;
  return one.index < other.index;
};

export class WaitingLine {
  #parts: RequestPart[] = [];
  #rows = 0;
  #bytes = 0;

  /** In order; valid until the next change. */
  get parts(): readonly RequestPart[] {
    return this.#parts;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  insert(part: RequestPart): void {
    let low = 0;
    for (let high = this.#parts.length; low < high;) {
      const middle = (low + high) >> 1;
      const other = this.#parts[middle];
      if (other !== undefined && isBefore(other, part)) low = middle + 1;
      else high = middle;
    }
    this.#parts.splice(low, 0, part);
    this.#rows += part.rows;
    this.#bytes += part.bytes;
  }

  /** Takes out what a plan names: ascending indices. */
  take(members: readonly number[]): RequestPart[] {
    const taken = members.map((i) => this.#parts[i]).filter((part) => part !== undefined);
    const last = members.at(-1);
    if (last === members.length - 1) this.#parts.splice(0, members.length);
    else this.#keep((part) => !taken.includes(part));
    for (const part of taken) this.#forget(part);
    return taken;
  }

  /** Everything of one request; nothing happens when nothing of it waits. */
  remove(request: ScheduledRequest): void {
    const leaving = this.#parts.filter((part) => part.request === request);
    if (leaving.length === 0) return;
    this.#keep((part) => part.request !== request);
    for (const part of leaving) this.#forget(part);
  }

  #keep(isKept: (part: RequestPart) => boolean): void {
    this.#parts = this.#parts.filter(isKept);
  }

  #forget(part: RequestPart): void {
    this.#rows -= part.rows;
    this.#bytes -= part.bytes;
  }
}
