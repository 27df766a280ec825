/**
 * Replaces the live connection before the venue ends it, or once the venue announces that it will:
 * the substates of a feed that streams. A second connection opens beside the live one, both deliver
 * for `overlapMs`, the older one drains and goes.
 *
 * Invariants:
 *  1. At most two connections are there. The live one goes only once the incoming one is subscribed
 *     and has delivered for `overlapMs` (or neither had anything to deliver).
 *  2. Whatever becomes of the incoming connection, the live one goes on; there is another try after
 *     a backoff, at the next address, until the venue ends the live one.
 *  3. When the live connection ends first, the incoming one takes its place, subscribed or not.
 *  4. A replaced connection ends within `drainMsMax`, whatever the feed does meanwhile.
 *  5. Ages differ by a jitter, always towards earlier, so that feeds do not rotate in step.
 */
import { and, assign, cancel, enqueueActions } from 'xstate'
import { replacementLate, replacementLeaving, replacementMute } from './feed-protocol.ts'
import type * as Feed from './feed-protocol.ts'
import {
  crashOfEvent,
  endedStream,
  feedSetup,
  freeStream,
  lossIn,
  ofStream,
  streamOf
} from './feed-setup.ts'
import { backoffMs, nextSeed } from './restart-policy.ts'
import type { CrashFacts } from './supervisor-crash.ts'

const rotateJitterRatio = 0.05
/** Time for a new connection to be there: it may have to wait for what the old one has queued. */
const openMsMax = 60_000
/** The longest a timer can be set to. */
const neverMs = 2 ** 31 - 1

export const rotatingFeedSetup = feedSetup.extend({
  guards: {
    isIncoming: ({ context }, stream: string) => streamOf(context, 'incoming') === stream,
    isNeverDue: ({ context }) => context.rotateMs === null,
    /** A draining predecessor still has its address. */
    hasFreeAddress: ({ context }) => freeStream(context) !== undefined,
    hasDelivered: ({ context: { replacement } }) =>
      replacement !== null && (replacement.frameCount > 0 || replacement.liveFrameCount === 0)
  },
  delays: {
    rotateDelay: ({ context: { backoff, jitterSeed, rotateMs } }) => {
      if (rotateMs === null) return neverMs
      const once = { ...backoff, msMin: rotateMs, msMax: rotateMs, jitterRatio: rotateJitterRatio }
      return backoffMs(once, 1, jitterSeed)
    },
    rotationBackoff: ({ context: { backoff, jitterSeed, rotationAttempt } }) =>
      backoffMs(backoff, rotationAttempt, jitterSeed),
    openDeadline: openMsMax,
    overlapDelay: ({ context }) => context.overlapMs
  },
  actions: {
    beginReplacement: assign(({ context }) => ({
      replacement: {
        // (2)
        webSocketIndex:
          (context.webSocketIndex + context.rotationAttempt) % context.webSocketUrls.length,
        venue: null,
        frameCount: 0,
        liveFrameCount: 0
      }
    })),
    noteReplacementSubscribed: assign(({ context }, venue: string) => ({
      connectCount: context.connectCount + 1,
      replacement:
        context.replacement === null
          ? null
          : { ...context.replacement, venue, frameCount: 0, liveFrameCount: 0 }
    })),
    failRotation: assign(({ context }, crash: CrashFacts) => ({
      replacement: null,
      rotationAttempt: context.rotationAttempt + 1,
      rotationFailureCount: context.rotationFailureCount + 1,
      jitterSeed: nextSeed(context.jitterSeed),
      lastError: crash
    })),
    /** The incoming connection carries the feed from here on; the live one must be gone already. */
    promote: assign(({ context }) => ({
      ...takenOver(context),
      streams: withRoles(context, { incoming: 'live' })
    })),
    handOver: enqueueActions(({ context, enqueue }) => {
      const retiring = streamOf(context, 'live')
      if (retiring === undefined) return
      const streams = withRoles(context, { live: 'retiring', incoming: 'live' })
      enqueue.assign({ ...takenOver(context), streams })
      enqueue.sendTo(retiring, { type: 'retirement.requested' })
      // (4)
      enqueue.raise({ type: 'retirement.overdue' }, { id: 'retirement', delay: 'drainTimeout' })
    }),
    cancelOverdue: cancel('retirement'),
    noteCoveredLoss: assign(({ context }, crash: CrashFacts) => ({
      failureCount: context.failureCount + 1,
      lastError: crash
    })),
    /** For whoever provides it: log lines and metrics. */
    reportRotation: (_args, _report: Feed.RotationReport) => {}
  }
})

type Failed = { readonly event: { readonly error: unknown } }

const reported = (outcome: Feed.RotationReport['outcome']) => (failed: Failed) => ({
  outcome,
  reason: crashOfEvent(failed).message
})

const dropIncoming = { type: 'dropRole', params: 'incoming' } as const

const lostIncoming = [
  { type: 'failRotation', params: crashOfEvent },
  dropIncoming,
  { type: 'reportRotation', params: reported('failed') }
] as const

const failedBy = (crash: CrashFacts) =>
  [
    { type: 'failRotation', params: crash },
    dropIncoming,
    { type: 'reportRotation', params: { outcome: 'failed', reason: crash.message } }
  ] as const

export const streamingState = rotatingFeedSetup.createStateConfig({
  tags: 'healthy',
  initial: 'steady',
  after: { upTimeout: { actions: 'forgetAttempts' } },
  on: {
    'drain.requested': {
      target: 'draining',
      actions: { type: 'tellStreams', params: { type: 'drain.requested' } }
    }
  },
  states: {
    steady: {
      after: { rotateDelay: [{ guard: 'isNeverDue' }, { target: 'due' }] },
      on: { 'shutdown.announced': { guard: { type: 'isLive', params: ofStream }, target: 'due' } }
    },
    due: {
      always: [
        {
          // A new symbol may still be looked up.
          guard: and(['hasFreeAddress', { type: 'areResolved', params: [] }]),
          target: 'opening'
        },
        { target: 'postponed' }
      ]
    },
    opening: {
      entry: [
        'beginReplacement',
        { type: 'openStream', params: 'incoming' },
        { type: 'reportRotation', params: { outcome: 'started', reason: null } }
      ],
      after: { openDeadline: { target: 'postponed', actions: failedBy(replacementLate) } },
      on: {
        'feed.subscribed': {
          guard: { type: 'isIncoming', params: ofStream },
          target: 'overlapping',
          actions: { type: 'noteReplacementSubscribed', params: ({ event }) => event.venue }
        },
        'xstate.error.actor.*': [
          {
            // (3)
            guard: { type: 'isLiveUnavailable', params: lossIn },
            target: '#feed.active.connecting',
            actions: [
              { type: 'countStreamFailure', params: lossIn },
              { type: 'dropStream', params: endedStream },
              'promote',
              { type: 'reportRotation', params: reported('too_late') }
            ]
          },
          {
            guard: { type: 'isIncoming', params: endedStream },
            target: 'postponed',
            actions: lostIncoming
          }
        ],
        // A connection that is not subscribed has nothing to drain.
        'drain.requested': {
          target: '#feed.active.draining',
          actions: [dropIncoming, { type: 'tellStreams', params: { type: 'drain.requested' } }]
        }
      }
    },
    overlapping: {
      after: {
        overlapDelay: [
          {
            guard: 'hasDelivered',
            target: 'steady',
            actions: [
              'handOver',
              { type: 'reportRotation', params: { outcome: 'completed', reason: null } }
            ]
          },
          { target: 'postponed', actions: failedBy(replacementMute) }
        ]
      },
      on: {
        'shutdown.announced': {
          guard: { type: 'isIncoming', params: ofStream },
          target: 'postponed',
          actions: failedBy(replacementLeaving)
        },
        'xstate.error.actor.*': [
          {
            // (3)
            guard: { type: 'isLiveUnavailable', params: lossIn },
            target: 'steady',
            actions: [
              { type: 'noteCoveredLoss', params: crashOfEvent },
              { type: 'dropStream', params: endedStream },
              'promote',
              { type: 'reportRotation', params: reported('completed') }
            ]
          },
          {
            guard: { type: 'isIncoming', params: endedStream },
            target: 'postponed',
            actions: lostIncoming
          }
        ]
      }
    },
    // (2)
    postponed: { after: { rotationBackoff: 'due' } }
  }
})

const takenOver = (context: Feed.FeedContext) => ({
  replacement: null,
  webSocketIndex: context.replacement?.webSocketIndex ?? context.webSocketIndex,
  venue: context.replacement?.venue ?? null,
  rotationAttempt: 0,
  rotationCount: context.rotationCount + 1,
  jitterSeed: nextSeed(context.jitterSeed)
})

const withRoles = (
  { streams }: Feed.FeedContext,
  changes: Partial<Record<Feed.StreamRole, Feed.StreamRole>>
): Feed.FeedContext['streams'] =>
  Object.fromEntries(
    Object.entries(streams).map(([stream, role]) => [stream, changes[role] ?? role])
  )
