/**
 * Reference data from the two forms of CSV files that hold it: a vendor's `company_info.csv`, and
 * the form of the batch loader. `docs/reference-data.md` has the columns.
 *
 * 1. Every row is a content or a fault that names the line, the column and what is allowed: none is
 *    left out silently.
 * 2. What has no field of its own is kept, as it stands, in `vendor_data`.
 */
import type { AssetClass } from './instrument.ts'
import type { ReferenceContent } from './reference-data.ts'

export interface CsvSource {
  /** Upper case, for example `ASX`. */
  readonly exchange: string
  readonly assetClass: AssetClass
  /** Of the prices; the files do not say it. */
  readonly currency: string
}

interface CsvFault {
  /** The header is line 1. */
  readonly line: number
  readonly detail: string
}

export interface ReferenceFile {
  readonly contents: readonly ReferenceContent[]
  readonly faults: readonly CsvFault[]
}

/** Contents of a file of either form, told by its header. */
export const parseReferenceCsv = (text: string, source: CsvSource): ReferenceFile => {
  const parsed = parseCsv(text)
  if ('detail' in parsed) return { contents: [], faults: [parsed] }
  const [header = [], ...rows] = parsed
  const form = forms.find(({ required }) => required.every((name) => header.includes(name)))
  if (form === undefined) {
    const wanted = forms.map(({ required }) => required.join(', ')).join('; or ')
    return { contents: [], faults: [{ line: 1, detail: `the header must have ${wanted}` }] }
  }
  const contents: ReferenceContent[] = []
  const faults: CsvFault[] = []
  const lineOf = new Map<string, number>()
  for (const [index, row] of rows.entries()) {
    const line = index + 2
    const fault = faultOf(header, row, form)
    if (fault !== undefined) {
      faults.push({ line, detail: fault })
      continue
    }
    const content = contentOf(new Map(header.map((name, at) => [name, row[at]!])), form, source)
    const earlier = lineOf.get(content.company_id)
    if (earlier !== undefined) {
      faults.push({ line, detail: `company_id ${content.company_id} stands in line ${earlier}` })
      continue
    }
    lineOf.set(content.company_id, line)
    contents.push(content)
  }
  return { contents, faults }
}

interface Form {
  /** Columns that must be there and filled; the file is of this form if its header has them. */
  readonly required: readonly string[]
  readonly isin?: string
  /** Columns of `MM/DD/YYYY`, kept as `YYYY-MM-DD`. */
  readonly dates: readonly string[]
}

const own = ['company_id', 'symbol', 'company_name']

const forms: readonly Form[] = [
  {
    required: [...own, 'ISIN', 'start_date', 'end_date'],
    isin: 'ISIN',
    dates: ['start_date', 'end_date']
  },
  { required: [...own, 'sector'], dates: [] }
]

const faultOf = (
  header: readonly string[],
  row: readonly string[],
  { required, isin, dates }: Form
): string | undefined => {
  if (row.length !== header.length) {
    return `the row has ${row.length} values, the header ${header.length} columns`
  }
  const valueOf = (name: string) => row[header.indexOf(name)]!
  for (const name of required) if (valueOf(name) === '') return `${name} is empty`
  for (const name of dates) {
    if (isoDate(valueOf(name)) === undefined) {
      return `${name} is "${valueOf(name)}", but must be a date such as 03/31/2014`
    }
  }
  if (isin !== undefined && !isIsin(valueOf(isin))) {
    return `${isin} is "${valueOf(isin)}", but must be an ISIN such as AU000000BHP4`
  }
  return undefined
}

const contentOf = (
  values: ReadonlyMap<string, string>,
  { isin, dates }: Form,
  { exchange, assetClass, currency }: CsvSource
): ReferenceContent => {
  const valueOf = (name: string) => values.get(name)!
  const others = [...values]
    .filter(([name, value]) => !own.includes(name) && name !== isin && value !== '')
    .map(([name, value]) => [name, dates.includes(name) ? isoDate(value)! : value])
  return {
    company_id: valueOf('company_id'),
    symbol: valueOf('symbol'),
    exchange,
    asset_class: assetClass,
    company_name: valueOf('company_name'),
    isin: isin === undefined ? null : valueOf(isin),
    currency,
    listing_date: null,
    delisting_date: null,
    is_active: true,
    vendor_data: others.length === 0 ? null : Object.fromEntries(others)
  }
}

const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isoDate = (text: string): string | undefined => {
  const [, month = '', day = '', year = ''] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(text) ?? []
  const days = daysOfMonth[Number(month) - 1] ?? 0
  return Number(day) >= 1 && Number(day) <= days ? `${year}-${month}-${day}` : undefined
}

/** ISO 6166: letters count 10 to 35, and the digits of all have to pass the Luhn check. */
const isIsin = (text: string): boolean => {
  if (!/^[A-Z]{2}[A-Z0-9]{9}\d$/.test(text)) return false
  const digits = text.replaceAll(/[A-Z]/g, (letter) => String(Number.parseInt(letter, 36)))
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]) * (at % 2 === 0 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

/** Rows of RFC 4180, with either end of line; a line that is empty is none. */
const parseCsv = (text: string): readonly (readonly string[])[] | CsvFault => {
  const rows: string[][] = []
  let row: string[] = []
  for (let at = 0; at < text.length || row.length > 0;) {
    csvValue.lastIndex = at
    const match = csvValue.exec(text)
    if (match === null) {
      const line = text.slice(0, at).split('\n').length
      return { line, detail: 'a quotation mark stands in a value that is not quoted as a whole' }
    }
    const [{ length }, quoted, plain = '', end] = match
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    at += length
    if (end === ',') continue
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  return rows
}

const csvValue = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
