/** Metrics of conservation (R16). */
import type { Declare } from './declare-metrics.ts'

export const conservationMetrics = ({ gauge }: Declare) => ({
  conservationRecords: gauge(
    'k2_conservation_records',
    'Terms of the equations of records since the process started, or of landing since the table ' +
      'was made; GET /v1/system/conservation has them by symbol and partition.',
    'equation',
    'exchange',
    'data_type',
    'tier',
    'term'
  ),
  conservationImbalance: gauge(
    'k2_conservation_imbalance',
    'Records by which equations fail, without their signs; 0 while nothing has disappeared.',
    'equation',
    'exchange',
    'data_type',
    'tier'
  ),
  conservationBroken: gauge(
    'k2_conservation_broken_equations',
    'Equations of records that fail.'
  )
})
