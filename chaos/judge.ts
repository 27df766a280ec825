/** The oracle over a lab: everything it asks is asked of others than K2. */
import { pythonWith } from '../test/support/python/venv.ts'
import type { Lab } from './lab.ts'
import type { IssueSpan } from './oracle/evidence.ts'
import { examineDelivery } from './oracle/oracle.ts'
import { faultClasses, type Verdict } from './oracle/verdict.ts'

const packages = ['pyiceberg[pyarrow,pyiceberg-core]==0.12.0', 'confluent-kafka==2.14.2']

/** An interpreter with what the oracle needs; installed once. */
export const oraclePython = (): string => pythonWith('oracle-1', packages)

/** @param whole when everything was issued that must have come back */
export const judgeLab = async (lab: Lab, whole: IssueSpan): Promise<Verdict> => {
  const { kafkaBootstrap, catalogUri, s3 } = lab.stack.addresses
  return examineDelivery({
    issued: lab.exchange.issuedFolder,
    log: { brokers: kafkaBootstrap, topic: 'market.crypto.trades.binance' },
    table: {
      name: 'market.trades',
      catalog: {
        type: 'rest',
        uri: catalogUri,
        's3.endpoint': s3.endpoint,
        's3.region': s3.region,
        's3.access-key-id': s3.accessKey,
        's3.secret-access-key': s3.secretKey
      }
    },
    whole,
    python: oraclePython()
  })
}

/** For a person. */
export const linesOf = ({ issued, logged, landed, explained, classes }: Verdict): string[] => [
  `issued ${issued}, in the log ${logged}, in the table ${landed}`,
  ...Object.entries(explained).map(([reason, count]) => `${count} not there, explained: ${reason}`),
  ...faultClasses.flatMap((name) => {
    const { count, examples } = classes[name]
    return count === 0 ? [] : [`${name}: ${count}`, ...examples.map((example) => `  ${example}`)]
  })
]
