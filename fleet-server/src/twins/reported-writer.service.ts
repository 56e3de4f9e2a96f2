/** Writes what devices report: reports that come close together share a transaction, each device's in order. */
import { Injectable } from '@nestjs/common';
import type { ReportedTwin } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import type { TwinFacts } from '../devices/device-facts.ts';
import { factsOf } from '../devices/reported-facts.ts';
import { FleetError } from '../errors.ts';
import { boundedDocument, nextReported } from './reported-state.ts';
import { TwinsStore, type TwinDocument } from './twins.store.ts';

/** Reports of one transaction; merging so many of usual size stays below the event-loop budget. */
const REPORTS_PER_COMMIT = 50;

interface Report {
  readonly deviceId: string;
  readonly at: number;
  readonly twin: ReportedTwin;
  /** Set when this report alone cannot be merged. */
  refusal: FleetError | undefined;
}

interface Merged {
  readonly deviceId: string;
  readonly document: TwinDocument;
  readonly text: string;
  readonly facts: TwinFacts;
}

@Injectable()
export class ReportedWriter {
  private readonly store = new TwinsStore();
  private readonly reports = new GroupCommit<Report>((reports) => this.commit(reports), REPORTS_PER_COMMIT);
  private readonly database: ControlDatabase;
  private readonly directory: DeviceDirectory;

  constructor(database: ControlDatabase, directory: DeviceDirectory) {
    this.database = database;
    this.directory = directory;
  }

  /** Resolved = stored. @throws FleetError TWIN_TOO_LARGE | DEVICE_UNREGISTERED | DATABASE_UNAVAILABLE */
  async write(deviceId: string, at: number, twin: ReportedTwin): Promise<void> {
    const report: Report = { deviceId, at, twin, refusal: undefined };
    await this.reports.submit(report);
    if (report.refusal) throw report.refusal;
  }

  private async commit(reports: readonly Report[]): Promise<void> {
    const ids = [...new Set(reports.map((report) => report.deviceId))];
    const merged = await this.database.transaction().execute(async (transaction) => {
      const twins = await this.store.readMany(transaction, ids);
      const latest = new Map<string, Merged>();
      for (const report of reports) this.merge(report, twins, latest);
      const rows = [...latest.values()].map(({ deviceId, document, text, facts }) => ({
        device_id: deviceId,
        reported: text,
        reported_at: document.reportedAt,
        applied_version: document.appliedVersion,
        facts: JSON.stringify(facts.reported),
      }));
      if (rows.length > 0) await this.store.writeReported(transaction, rows);
      return latest;
    });
    for (const { deviceId, facts } of merged.values()) {
      // The desired version may have moved since the rows were read; the directory knows the newest.
      this.directory.update(deviceId, (known) => ({ ...known, twin: { ...facts, version: known.twin.version } }));
    }
  }

  private merge(report: Report, twins: Map<string, TwinDocument>, latest: Map<string, Merged>): void {
    const { deviceId, at: reportedAt, twin } = report;
    const before = twins.get(deviceId);
    if (!before) {
      report.refusal = new FleetError('DEVICE_UNREGISTERED', `"${deviceId}" reported a twin before its birth.`);
      return;
    }
    try {
      const reported = nextReported(before.reported, twin);
      const text = boundedDocument(reported, `The reported state of "${deviceId}"`);
      const { appliedVersion } = twin;
      const document = { ...before, reported, reportedAt, appliedVersion };
      const facts = { version: before.version, appliedVersion, reported: factsOf(reported) };
      twins.set(deviceId, document);
      latest.set(deviceId, { deviceId, document, text, facts });
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      report.refusal = error;
    }
  }
}
