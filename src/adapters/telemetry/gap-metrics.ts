/** Metrics of the gap ledger and of the healer. */
import { counter, gauge, histogram } from './declaration.ts'
import { healOutcomes, openGapReasons } from './label-sets.ts'

export const gapMetrics = {
  gapsOpenHoles: gauge('k2_gaps_open_holes', {
    help: 'Runs of ids that the ledger has open, by why they are missing.',
    unit: '1',
    labels: { reason: openGapReasons }
  }),
  gapsOpenTrades: gauge('k2_gaps_open_trades', {
    help: 'Trades that the ledger says are missing, by why.',
    unit: 'trades',
    labels: { reason: openGapReasons }
  }),
  claimsWaiting: gauge('k2_gap_claims_waiting', {
    help: 'Claims of missing ids that wait for the publisher.',
    unit: '1'
  }),
  gapsOldestAge: gauge('k2_gaps_oldest_age_seconds', {
    help: 'Since when the oldest open gap is known; 0 where none is open.',
    unit: 'seconds'
  })
}

export const healingMetrics = {
  healedTrades: counter('k2_healed_trades_total', {
    help: "Missing trades that were published from the venue's history.",
    unit: 'trades'
  }),
  healRequests: counter('k2_heal_requests_total', {
    help:
      "Requests to the venue's history, by what came of them, or why the reply was refused: " +
      'question, form, symbol, range, time, order.',
    unit: 'requests',
    labels: { outcome: healOutcomes }
  }),
  healSeconds: histogram('k2_heal_request_duration_seconds', {
    help: "From a question to the venue's history to the event log's having what it brought.",
    unit: 'seconds',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
  }),
  healWeightUsed: gauge('k2_heal_weight_used', {
    help: "Request weight used in the venue's present interval, as far as it has told.",
    unit: 'weight'
  }),
  healWeightLimit: gauge('k2_heal_weight_limit', {
    help: 'Request weight that the venue takes per interval.',
    unit: 'weight'
  }),
  healPendingHoles: gauge('k2_heal_pending_holes', {
    help: 'Runs of missing trades that the healer is to close.',
    unit: '1'
  }),
  healPendingTrades: gauge('k2_heal_pending_trades', {
    help: 'Missing trades that the healer is to close.',
    unit: 'trades'
  }),
  healWrittenOff: counter('k2_heal_written_off_trades_total', {
    help: 'Missing trades that were given up.',
    unit: 'trades',
    labels: { reason: ['never_issued', 'rejected'] }
  })
}
