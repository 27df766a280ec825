/** Metrics of the gap ledger and of the healer. */
import type { Declare } from './declare-metrics.ts'

export const gapMetrics = ({ gauge }: Declare) => ({
  gapsOpenHoles: gauge(
    'k2_gaps_open_holes',
    'Runs of ids that the ledger has open, by why they are missing.',
    'reason'
  ),
  gapsOpenTrades: gauge(
    'k2_gaps_open_trades',
    'Trades that the ledger says are missing, by why.',
    'reason'
  ),
  gapsOldestAge: gauge(
    'k2_gaps_oldest_age_seconds',
    'Since when the oldest open gap is known; 0 where none is open.'
  )
})

export const healingMetrics = ({ counter, gauge }: Declare) => ({
  healedTrades: counter(
    'k2_healed_trades_total',
    "Missing trades that were published from the venue's history."
  ),
  healRequests: counter(
    'k2_heal_requests_total',
    "Requests to the venue's history: healed, nothing, no_room, limited, unavailable, unlisted, " +
      'or why the reply was refused: question, form, symbol, range, time, order.',
    'outcome'
  ),
  healWeightUsed: gauge(
    'k2_heal_weight_used',
    "Request weight used in the venue's present interval, as far as it has told."
  ),
  healWeightLimit: gauge(
    'k2_heal_weight_limit',
    'Request weight that the venue takes per interval.'
  ),
  healPendingHoles: gauge(
    'k2_heal_pending_holes',
    'Runs of missing trades that the healer is to close.'
  ),
  healPendingTrades: gauge(
    'k2_heal_pending_trades',
    'Missing trades that the healer is to close.'
  ),
  healWrittenOff: counter(
    'k2_heal_written_off_trades_total',
    'Missing trades that were given up: never_issued, rejected.',
    'reason'
  )
})
