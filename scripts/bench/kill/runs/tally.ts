/** Counts by name, with the sentences of what went wrong. */

const SENTENCES = 12;

export class Tally {
  private readonly counts = new Map<string, number>();
  private readonly sentences: string[] = [];

  add(name: string, count: number): void {
    this.counts.set(name, this.get(name) + count);
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** Keeps the highest value. */
  raise(name: string, value: number): void {
    this.counts.set(name, Math.max(this.get(name), value));
  }

  /** One more of a kind that must not be. */
  fault(name: string, sentence: string): void {
    this.add(name, 1);
    this.say(sentence);
  }

  addFindings(findings: {
    readonly lost: number;
    readonly duplicated: number;
    readonly examples: readonly string[];
  }): void {
    this.add('lost', findings.lost);
    this.add('duplicated', findings.duplicated);
    for (const example of findings.examples) this.say(example);
  }

  /** The first ones. */
  get faults(): readonly string[] {
    return this.sentences;
  }

  private say(sentence: string): void {
    if (this.sentences.length < SENTENCES) this.sentences.push(sentence);
  }
}
