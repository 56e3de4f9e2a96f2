/** Who still needs a released version: asked before one is removed. */

/** A reason why the version must stay, for a person; null when this user does not need it. */
type UsageQuestion = (name: string, version: string) => Promise<string | null>;

/** Answers may come from the database, so that nobody asks within a transaction. */
export class ModelUsage {
  private readonly questions: UsageQuestion[] = [];

  ask(question: UsageQuestion): void {
    this.questions.push(question);
  }

  async reasons(name: string, version: string): Promise<string[]> {
    const answers = await Promise.all(this.questions.map((question) => question(name, version)));
    return answers.filter((answer) => answer !== null);
  }
}
