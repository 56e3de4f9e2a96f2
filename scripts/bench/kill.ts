/**
 * Nothing acknowledged is lost: servers and agents killed under load, every record compared; acknowledgements held
 * against the system calls that put them on disk; unsynced writes thrown away at random moments.
 */
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { median } from './harness.ts';
import { openIngestRecords } from './kill/database/ingest-records.ts';
import { watchPlanted } from './kill/planted/try-planted-faults.ts';
import { serverCommand } from './kill/processes/project-programs.ts';
import { canTrace, INSTALL_STRACE } from './kill/processes/tracer.ts';
import { killAgents, type AgentKillResult } from './kill/runs/agent-kills.ts';
import { killServers, type ServerKillResult } from './kill/runs/server-kills.ts';
import { watchAcknowledgements, type WatchVerdict } from './kill/runs/watch-acknowledgements.ts';
import { watchOutbox, type WatchOutboxVerdict } from './kill/runs/watch-outbox.ts';
import { seededRandom } from './kill/seeded-random.ts';
import type { DurabilityVerdict } from './kill/trace/durability-check.ts';

interface Effort {
  /** Kills under load, each. */
  readonly serverKills: number;
  readonly agentKills: number;
  /** Acknowledged messages under strace. */
  readonly messages: number;
  readonly agentMs: number;
  readonly serverLossPoints: number;
  readonly agentLossPoints: number;
}

const FULL: Effort = {
  serverKills: 50,
  agentKills: 50,
  messages: 6_000,
  agentMs: 10_000,
  serverLossPoints: 100,
  agentLossPoints: 50,
};
const QUICK: Effort = {
  serverKills: 8,
  agentKills: 6,
  messages: 500,
  agentMs: 3_000,
  serverLossPoints: 15,
  agentLossPoints: 10,
};

interface Watched {
  readonly server: WatchVerdict;
  readonly outbox: WatchOutboxVerdict;
  /** The planted faults that the check found, of two, and none where none was. */
  readonly isCheckSound: boolean;
}

const DAY_MS = 24 * 3_600_000;

const watch = async (effort: Effort, seed: string, log: BenchOptions['log']): Promise<Watched> => {
  log('system calls: planted faults first, so that the check is seen to fail');
  const sound = await watchPlanted('none', seed);
  const caught = [await watchPlanted('ack-first', seed), await watchPlanted('no-sync', seed)];
  const isCheckSound =
    deviations(sound).length === 0 &&
    caught.every(({ promisedWithoutSync, lost }) => promisedWithoutSync > 0 && lost > 0);
  log(`system calls: the server under ${effort.messages} messages, ${effort.serverLossPoints} power cuts`);
  const server = await watchAcknowledgements({
    command: (dataDir) => serverCommand(dataDir, { mqtt: 0, http: 0 }),
    open: openIngestRecords,
    load: { devices: 16, window: 4, thinkMs: 30, maxMessagesPerDevice: 60_000, bornAt: Date.now() - DAY_MS, seed },
    messages: effort.messages,
    lossPoints: effort.serverLossPoints,
    random: seededRandom(`${seed}/server-power`),
  });
  log(`system calls: an agent for ${effort.agentMs / 1_000} s, ${effort.agentLossPoints} power cuts`);
  const outbox = await watchOutbox({
    durationMs: effort.agentMs,
    lossPoints: effort.agentLossPoints,
    random: seededRandom(`${seed}/agent-power`),
  });
  return { server, outbox, isCheckSound };
};

/** What a sound verdict has none of, as sentences. */
const deviations = (verdict: DurabilityVerdict & { readonly unwatched: readonly string[] }): string[] => {
  const { promises, promisedWithoutSync, lost, duplicated, damagedImages, unwatched } = verdict;
  return [
    ...(promises === 0 ? ['nothing was acknowledged, so nothing was shown'] : []),
    ...(promisedWithoutSync > 0 ? [`${promisedWithoutSync} acknowledgements left before a sync`] : []),
    ...(lost > 0 ? [`${lost} acknowledged records lost with unsynced writes`] : []),
    ...(duplicated > 0 ? [`${duplicated} records there twice`] : []),
    ...(damagedImages > 0 ? [`${damagedImages} images damaged`] : []),
    ...(unwatched.length > 0 ? [`the tracer cannot follow: ${[...new Set(unwatched)].join(', ')}`] : []),
    ...verdict.examples,
  ];
};

const faultsOf = (watched: Watched): string[] => [
  ...(watched.isCheckSound ? [] : ['The durability check did not tell planted faults from a sound server.']),
  ...(watched.server.unseen > 0 ? [`Server: ${watched.server.unseen} acknowledgements are not in the trace.`] : []),
  ...(watched.outbox.orderViolations > 0
    ? [`Agent: ${watched.outbox.orderViolations} records sent out of order.`]
    : []),
  ...deviations(watched.server).map((sentence) => `Server under strace: ${sentence}.`),
  ...deviations(watched.outbox).map((sentence) => `Agent under strace: ${sentence}.`),
];

const killFaults = (effort: Effort, servers: ServerKillResult, agents: AgentKillResult): string[] => {
  const none = [
    [servers.lost, 'acknowledged records lost by killed servers'],
    [servers.duplicated, 'records duplicated by killed servers'],
    [servers.integrityFailures, 'integrity failures after server kills'],
    [agents.lost, 'accepted records lost by killed agents'],
    [agents.duplicated, 'records duplicated by killed agents'],
    [agents.orderViolations, 'records out of order within class and lane'],
    [agents.lostBeyondWindow, 'samples lost beyond the commit window'],
    [agents.integrityFailures, 'faults in outboxes after kills'],
  ] as const;
  return [
    ...none.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}.`),
    ...(servers.killsUnderLoad < effort.serverKills ? [`Only ${servers.killsUnderLoad} server kills met load.`] : []),
    ...(agents.killsUnderLoad < effort.agentKills ? [`Only ${agents.killsUnderLoad} agent kills met load.`] : []),
    ...servers.faults,
    ...agents.faults,
  ];
};

const figuresOf = (
  servers: ServerKillResult,
  agents: AgentKillResult,
  watched: Watched | null,
): BenchResult['figures'] => {
  const { server, outbox } = watched ?? {};
  return {
    server_kills: servers.kills,
    server_kills_under_load: servers.killsUnderLoad,
    server_kills_in_recovery: servers.killsInRecovery,
    agent_kills: agents.kills,
    agent_kills_under_load: agents.killsUnderLoad,
    kills_under_load: servers.killsUnderLoad + agents.killsUnderLoad,
    acked: servers.acknowledged,
    stored: servers.stored,
    samples_produced: agents.produced,
    outbox_accepted: agents.accepted,
    lost: servers.lost + agents.lost + (server?.lost ?? 0) + (outbox?.lost ?? 0),
    duplicated: servers.duplicated + agents.duplicated + (server?.duplicated ?? 0) + (outbox?.duplicated ?? 0),
    order_violations: agents.orderViolations + (outbox?.orderViolations ?? 0),
    lost_in_window: agents.lostInWindow,
    lost_beyond_window: agents.lostBeyondWindow,
    worst_loss_ms: agents.worstLossMs,
    integrity_failures: servers.integrityFailures + agents.integrityFailures,
    restart_p50_ms: median(servers.restartMs),
    acks_watched: server?.promises ?? null,
    sends_watched: outbox?.promises ?? null,
    acks_without_sync:
      server === undefined || outbox === undefined ? null : server.promisedWithoutSync + outbox.promisedWithoutSync,
    sync_points_checked: server === undefined || outbox === undefined ? null : server.syncPoints + outbox.syncPoints,
    checkpoints_in_trace: server?.checkpoints ?? null,
    unsynced_loss_points: server === undefined || outbox === undefined ? null : server.lossPoints + outbox.lossPoints,
    unsynced_loss_images: server === undefined || outbox === undefined ? null : server.lossImages + outbox.lossImages,
    damaged_images: server === undefined || outbox === undefined ? null : server.damagedImages + outbox.damagedImages,
    planted_faults_caught: watched === null ? null : watched.isCheckSound ? 'yes' : 'no',
  };
};

const run = async ({ quick, isCi, seed: given, log }: BenchOptions): Promise<BenchResult> => {
  const effort = quick ? QUICK : FULL;
  const seed = given ?? `kill-${Date.now().toString(36)}`;
  log(`seed ${seed}`);
  const isTraceable = canTrace();
  if (!isTraceable) log(`${INSTALL_STRACE}; acknowledgements are not held against system calls`);
  const watched = isTraceable ? await watch(effort, seed, log) : null;
  const servers = await killServers({
    killsUnderLoad: effort.serverKills,
    seed,
    random: seededRandom(`${seed}/servers`),
    log,
  });
  const agents = await killAgents({ killsUnderLoad: effort.agentKills, random: seededRandom(`${seed}/agents`), log });
  const faults = [
    ...(watched === null ? (isCi ? [`${INSTALL_STRACE}.`] : []) : faultsOf(watched)),
    ...killFaults(effort, servers, agents),
  ];
  return { figures: { seed, ...figuresOf(servers, agents, watched) }, faults };
};

export const bench: Bench = {
  name: 'kill',
  about: 'nothing acknowledged is lost, nothing is stored twice, whatever is killed',
  run,
};
