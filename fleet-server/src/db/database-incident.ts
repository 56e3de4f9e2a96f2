/** What went wrong with the control database when it was opened, for whoever reports it. */

export class DatabaseIncident {
  readonly file: string;
  /** Where a corrupt file was set aside at this start, or null: all is well. */
  readonly quarantined: string | null;
  readonly at: number;

  constructor(file: string, quarantined: string | null, at: number) {
    this.file = file;
    this.quarantined = quarantined;
    this.at = at;
  }
}
