/** Whose records a batch has that comes out of the spool: only its keys say so. */
import { forEachRecord, type PackedRecords } from '../../adapters/log/record-batch.ts'
import { ByteTable } from '../../market/byte-table.ts'
import type { PublishLedger, SymbolLedger, SymbolShare } from './publish-ledger.ts'

interface Count {
  readonly symbol: SymbolLedger
  records: number
}

export const sharesOf = (
  packed: PackedRecords,
  ledger: Pick<PublishLedger, 'symbolOf'>
): readonly SymbolShare[] => {
  const { bytes } = packed
  const counts: Count[] = []
  const byKey = new ByteTable<Count>()
  forEachRecord({ ...packed, baseOffset: 0 }, ({ keyStart, keyEnd }) => {
    let count = byKey.find(bytes, keyStart, keyEnd)
    if (count === undefined) {
      const key = bytes.subarray(keyStart, keyEnd)
      count = { symbol: ledger.symbolOf(key.toString('utf8')), records: 0 }
      counts.push(count)
      byKey.add(Buffer.from(key), count)
    }
    count.records += 1
  })
  return counts
}
