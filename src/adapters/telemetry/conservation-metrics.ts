/** Metrics of conservation (R16). */
import { gauge } from './declaration.ts'
import { allDataTypes, equationNames, exchangeNames } from './label-sets.ts'
import { symbolTiers, termNames } from './label-sets.ts'

const place = {
  equation: equationNames,
  exchange: exchangeNames,
  data_type: allDataTypes,
  tier: symbolTiers
} as const

export const conservationMetrics = {
  conservationRecords: gauge('k2_conservation_records', {
    help:
      'Terms of the equations of records since the process started, or of landing since the ' +
      'table was made; GET /v1/system/conservation has them by symbol and partition.',
    unit: 'records',
    labels: { ...place, term: termNames }
  }),
  conservationImbalance: gauge('k2_conservation_imbalance', {
    help: 'Records by which equations fail, without their signs; 0 while nothing has disappeared.',
    unit: 'records',
    labels: place
  }),
  conservationBroken: gauge('k2_conservation_broken_equations', {
    help: 'Equations of records that fail.',
    unit: '1'
  })
}
