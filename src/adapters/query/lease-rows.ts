/** All rows of a lease, files and tail, as one relation. */
import type { Parameter, ScanLease } from './query-ports.ts'

interface LeaseRows {
  /** In brackets, for FROM; with all columns of the table. */
  readonly sql: string
  readonly parameters: Readonly<Record<string, Parameter>>
}

/** Undefined where there is nothing to be read: a list of no files cannot be. */
export const leaseRows = ({
  files,
  source,
  beyond: { tail }
}: Pick<ScanLease<never>, 'files' | 'source' | 'beyond'>): LeaseRows | undefined => {
  const parts = [
    ...(files.length === 0 ? [] : [`SELECT * FROM ${source}`]),
    ...(tail === undefined ? [] : [tail.sql])
  ]
  if (parts.length === 0) return undefined
  const paths = files.map(({ path }) => path)
  return {
    sql: `(${parts.join(' UNION ALL BY NAME ')})`,
    parameters: {
      ...(files.length === 0 ? {} : { files: { type: 'texts', value: paths } }),
      ...tail?.parameters
    }
  }
}
